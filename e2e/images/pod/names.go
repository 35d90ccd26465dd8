package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
)

// answerNames is a name server on port 53, UDP and TCP: whatever name is asked for, its only address is the one that
// the question came from. So who asks learns whom the outside sees.
func answerNames() {
	datagrams, err := net.ListenPacket("udp", ":53")
	if err == nil {
		var listener net.Listener
		if listener, err = net.Listen("tcp", ":53"); err == nil {
			go answerDatagrams(datagrams)
			err = acceptQuestions(listener)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func answerDatagrams(socket net.PacketConn) {
	buffer := make([]byte, 512)
	for {
		length, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return
		}
		if answer, err := answerQuestion(buffer[:length], from); err == nil {
			_, _ = socket.WriteTo(answer, from)
		}
	}
}

func acceptQuestions(listener net.Listener) error {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go answerConnection(connection)
	}
}

// answerConnection reads questions with the length before them (RFC 1035 section 4.2.2).
func answerConnection(connection net.Conn) {
	defer connection.Close()
	for {
		var length uint16
		if binary.Read(connection, binary.BigEndian, &length) != nil {
			return
		}
		question := make([]byte, length)
		if _, err := io.ReadFull(connection, question); err != nil {
			return
		}
		answer, err := answerQuestion(question, connection.RemoteAddr())
		if err != nil {
			return
		}
		framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)
		if _, err := connection.Write(framed); err != nil {
			return
		}
	}
}

// answerQuestion makes the answer to one question (RFC 1035 section 4.1); a question for the other address family gets
// an answer without records.
func answerQuestion(question []byte, from net.Addr) ([]byte, error) {
	asked, err := netip.ParseAddrPort(from.String())
	if err != nil {
		return nil, err
	}
	address := asked.Addr().Unmap().WithZone("")
	const header = 12
	if len(question) < header {
		return nil, errors.New("too short")
	}
	end := header
	for end < len(question) && question[end] != 0 {
		end += 1 + int(question[end])
	}
	// The name's last octet, then type and class.
	end += 5
	if end > len(question) {
		return nil, errors.New("no question")
	}
	kind := binary.BigEndian.Uint16(question[end-4:])
	const typeA, typeAAAA = 1, 28
	records := uint16(0)
	if (kind == typeA && address.Is4()) || (kind == typeAAAA && address.Is6()) {
		records = 1
	}
	answer := append([]byte{}, question[:2]...)
	// QR and AA, and RD as it came.
	answer = append(answer, 0x84|question[2]&1, 0)
	for _, count := range []uint16{1, records, 0, 0} {
		answer = binary.BigEndian.AppendUint16(answer, count)
	}
	answer = append(answer, question[header:end]...)
	if records == 0 {
		return answer, nil
	}
	// The name is that of the question; class IN, time to live 0.
	answer = append(answer, 0xc0, header)
	answer = binary.BigEndian.AppendUint16(answer, kind)
	answer = append(answer, 0, 1, 0, 0, 0, 0)
	answer = binary.BigEndian.AppendUint16(answer, uint16(len(address.AsSlice())))
	return append(answer, address.AsSlice()...), nil
}

use std::time::Duration;

use model::{Kind, Object, ServiceKey};

use crate::{
    Api, Fixture, Random, Router,
    controller::Controller,
    endpoint::Wish,
    network::{CONNECT_TIMEOUT, Network, Packet, Wire},
    node::Node,
};

/// Everything together: API server, controller, nodes, router and the network between them.
#[derive(Debug)]
pub struct World {
    now: Duration,
    random: Random,
    /// The API server.
    pub api: Api,
    /// The router.
    pub router: Router,
    controller: Controller,
    nodes: Vec<Node>,
    network: Network,
    dials: Vec<(Duration, Wire)>,
}

impl World {
    /// A cluster of `nodes` nodes, a peer and an advertisement for everything; no pool, no Service.
    pub fn new(seed: u64, nodes: usize) -> Self {
        let now = Duration::ZERO;
        let mut random = Random::new(seed);
        let mut api = Api::default();
        for index in 0..nodes {
            api.apply(now, &mut random, Fixture::node(index, false));
        }
        api.apply(now, &mut random, Fixture::peer());
        api.apply(now, &mut random, Fixture::advertisement());
        Self {
            now,
            router: Router::new(random.next_u64(), now, nodes),
            controller: Controller::start(now, &mut api),
            nodes: (0..nodes)
                .map(|index| Node::start(index, random.next_u64(), now, &mut api))
                .collect(),
            network: Network::default(),
            dials: Vec::new(),
            random,
            api,
        }
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// A user writes an object.
    pub fn apply(&mut self, object: Object) {
        self.api.apply(self.now, &mut self.random, object);
    }

    /// A user deletes an object.
    pub fn delete(&mut self, kind: Kind, key: &ServiceKey) {
        self.api.delete(self.now, &mut self.random, kind, key);
    }

    /// Takes a node off the network, or back.
    pub fn set_link(&mut self, node: usize, up: bool) {
        self.network.set_link(node, up);
    }

    /// Resets all TCP connections of a node.
    pub fn reset_connections(&mut self, node: usize) {
        for wire in self.network.wires_of(node) {
            self.break_wire(wire, "connection reset");
        }
    }

    /// Kills a speaker and starts it again.
    pub fn restart_speaker(&mut self, node: usize) {
        for wire in self.network.wires_of(node) {
            self.close_at_router(wire, "connection reset");
            self.network.drop_wire(wire);
        }
        let seed = self.random.next_u64();
        if let Some(old) = self.nodes.get_mut(node) {
            self.api.unwatch(old.watcher);
            *old = Node::start(node, seed, self.now, &mut self.api);
        }
    }

    /// Kills the controller and starts another.
    pub fn restart_controller(&mut self) {
        self.controller.stop(&mut self.api);
        self.controller = Controller::start(self.now, &mut self.api);
    }

    /// Restarts the router: all sessions end, its table is empty.
    pub fn restart_router(&mut self) {
        for wire in self.network.wires() {
            self.close_at_node(wire, "connection reset");
            self.network.drop_wire(wire);
        }
        self.router.restart(self.random.next_u64(), self.now);
    }

    /// Stops or starts the API server.
    pub fn set_api_away(&mut self, away: bool) {
        self.api.set_away(self.now, away);
    }

    /// Breaks all watches: what was under way is lost and everything is listed again.
    pub fn break_watches(&mut self) {
        self.api.break_watch(self.now, self.controller.watcher);
        for node in &self.nodes {
            self.api.break_watch(self.now, node.watcher);
        }
    }

    /// Makes writes of the controller fail as often as `percent` says.
    pub fn set_write_faults(&mut self, percent: u64) {
        self.controller.set_faults(percent);
    }

    /// Writes that the controller has asked for since it was started.
    pub fn writes(&self) -> u64 {
        self.controller.writes()
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
        self.step();
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some(event) = self.api.poll(now, self.controller.watcher) {
            self.controller.handle_watched(now, event);
        }
        self.controller
            .handle_timeout(now, &mut self.random, &mut self.api);
        for node in &mut self.nodes {
            while let Some(event) = self.api.poll(now, node.watcher) {
                node.handle_watched(event);
            }
        }
        while let Some((wire, packet)) = self.network.poll(now) {
            self.deliver(wire, packet);
        }
        self.give_up_dials();
        self.nodes
            .iter_mut()
            .for_each(|node| node.handle_timeout(now));
        self.router.endpoint.speaker.handle_timeout(now);
        self.grant_wishes();
    }

    fn poll_timeout(&self) -> Option<Duration> {
        let machines = [
            self.api.poll_timeout(),
            self.network.poll_timeout(),
            self.controller.poll_timeout(),
            self.router.endpoint.poll_timeout(),
            self.dials.iter().map(|(due, _)| *due).min(),
        ];
        let nodes = self.nodes.iter().filter_map(Node::poll_timeout);
        machines.into_iter().flatten().chain(nodes).min()
    }

    fn deliver(&mut self, wire: Wire, packet: Packet) {
        let now = self.now;
        match packet {
            Packet::Syn => match self.router.accept(now, wire.node) {
                Some(end) => {
                    self.network.attach(wire, end);
                    self.send(wire, Packet::Accepted);
                }
                None => self.send(wire, Packet::Refused("connection refused")),
            },
            Packet::Accepted => {
                self.dials.retain(|(_, dialled)| *dialled != wire);
                if let Some(node) = self.nodes.get_mut(wire.node) {
                    let addresses = node.local_addresses();
                    node.endpoint.open.insert(wire.connection);
                    node.endpoint
                        .speaker
                        .handle_connected(now, wire.connection, addresses);
                }
            }
            Packet::Refused(reason) => {
                self.dials.retain(|(_, dialled)| *dialled != wire);
                self.network.drop_wire(wire);
                self.fail_dial(wire, reason);
            }
            Packet::ToRouter(bytes) => {
                if let Some(end) = self.network.router_end(wire) {
                    self.router.receive(now, end, &bytes);
                }
            }
            Packet::ToNode(bytes) => {
                if let Some(node) = self.nodes.get_mut(wire.node) {
                    node.endpoint
                        .speaker
                        .handle_bytes(now, wire.connection, &bytes);
                }
            }
            Packet::ClosedByNode => {
                self.close_at_router(wire, "closed by the peer");
                self.network.drop_wire(wire);
            }
            Packet::ClosedByRouter => {
                self.close_at_node(wire, "closed by the peer");
                self.network.drop_wire(wire);
            }
        }
    }

    fn give_up_dials(&mut self) {
        let now = self.now;
        let (late, waiting) = self.dials.drain(..).partition(|(due, _)| *due <= now);
        self.dials = waiting;
        let late: Vec<(Duration, Wire)> = late;
        for (_, wire) in late {
            self.close_at_router(wire, "connection reset");
            self.network.drop_wire(wire);
            self.fail_dial(wire, "timed out");
        }
    }

    fn fail_dial(&mut self, wire: Wire, reason: &str) {
        if let Some(node) = self.nodes.get_mut(wire.node) {
            node.endpoint
                .speaker
                .handle_connect_failed(self.now, wire.connection, reason.into());
        }
    }

    fn break_wire(&mut self, wire: Wire, reason: &str) {
        self.close_at_node(wire, reason);
        self.close_at_router(wire, reason);
        self.network.drop_wire(wire);
    }

    fn close_at_node(&mut self, wire: Wire, reason: &str) {
        self.dials.retain(|(_, dialled)| *dialled != wire);
        if let Some(node) = self.nodes.get_mut(wire.node) {
            node.endpoint.open.remove(&wire.connection);
            node.endpoint
                .speaker
                .handle_closed(self.now, wire.connection, reason.into());
        }
    }

    fn close_at_router(&mut self, wire: Wire, reason: &str) {
        if let Some(end) = self.network.router_end(wire) {
            self.router.forget(end);
            self.router
                .endpoint
                .speaker
                .handle_closed(self.now, end, reason.into());
        }
    }

    fn grant_wishes(&mut self) {
        for index in 0..self.nodes.len() {
            let now = self.now;
            let wishes = self
                .nodes
                .get_mut(index)
                .map(|node| node.endpoint.wishes(now));
            for wish in wishes.into_iter().flatten() {
                self.grant_node(index, wish);
            }
        }
        for wish in self.router.endpoint.wishes(self.now) {
            match wish {
                Wish::Dial(_) => unreachable!("the router's peers are passive"),
                Wish::Send(connection, bytes) => {
                    if let Some(wire) = self.network.wire_of(connection) {
                        self.send(wire, Packet::ToNode(bytes));
                    }
                }
                Wish::Close(connection) => {
                    if let Some(wire) = self.network.wire_of(connection) {
                        self.send(wire, Packet::ClosedByRouter);
                    }
                    self.router.forget(connection);
                }
            }
        }
    }

    fn grant_node(&mut self, node: usize, wish: Wish) {
        match wish {
            Wish::Dial(connection) => {
                let wire = Wire { node, connection };
                self.network.open(wire);
                self.dials.push((self.now + CONNECT_TIMEOUT, wire));
                self.send(wire, Packet::Syn);
            }
            Wish::Send(connection, bytes) => {
                self.send(Wire { node, connection }, Packet::ToRouter(bytes));
            }
            Wish::Close(connection) => {
                let wire = Wire { node, connection };
                self.dials.retain(|(_, dialled)| *dialled != wire);
                self.send(wire, Packet::ClosedByNode);
            }
        }
    }

    fn send(&mut self, wire: Wire, packet: Packet) {
        self.network.send(self.now, &mut self.random, wire, packet);
    }
}

use alloc::string::String;
use core::fmt;

use k8s_openapi::api::core::v1;

use crate::{Name, Rejection};

/// A password or key. Debug prints `***`; there is no Display and no Serialize.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Length limit of a TCP MD5 key in the kernel (`TCP_MD5SIG_MAXKEYLEN`), bytes.
const LONGEST: usize = 80;

impl Secret {
    /// Parses a Secret: its name and its key `password`, or why that is no TCP MD5 password;
    /// `None` without a name. A newline at the end is kept, as the peer has to be given the same.
    pub fn parse(object: &v1::Secret) -> Option<(Name, Result<Self, Rejection>)> {
        let name: Name = object.metadata.name.as_deref()?.into();
        let password = object.data.as_ref().and_then(|data| data.get("password"));
        Some((
            name,
            Self::parse_password(password.map(|bytes| bytes.0.as_slice())),
        ))
    }

    fn parse_password(bytes: Option<&[u8]>) -> Result<Self, Rejection> {
        let reject = |rule: &str, remedy: &str| Err(Rejection::new("data.password", rule, remedy));
        let Some(bytes) = bytes else {
            return reject(
                "the key is missing",
                "put the password under the key password",
            );
        };
        if bytes.is_empty() {
            return reject(
                "the password is empty",
                "write one, or remove passwordSecret from the peer",
            );
        }
        if bytes.len() > LONGEST {
            return reject(
                "the password is too long for TCP MD5",
                "use at most 80 bytes",
            );
        }
        match core::str::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(text.into())),
            Err(_) => reject("the password is not UTF-8", "use printable characters"),
        }
    }

    /// Wraps `content`.
    pub fn new(content: String) -> Self {
        Self(content)
    }

    /// The content, for the socket option that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use super::*;

    fn sentence(bytes: Option<&[u8]>) -> String {
        Secret::parse_password(bytes).unwrap_err().to_string()
    }

    #[test]
    fn reads_the_key_password() {
        let object =
            serde_yaml_ng::from_str("{metadata: {name: s}, data: {password: aHVudGVyMg==}}");
        let (name, password) = Secret::parse(&object.unwrap()).unwrap();
        assert_eq!((&*name, password.unwrap().reveal()), ("s", "hunter2"));
        assert_eq!(
            Secret::parse_password(Some(&[b'x'; 80]))
                .unwrap()
                .reveal()
                .len(),
            80
        );
    }

    #[test]
    fn says_why_a_key_is_no_password() {
        assert!(sentence(None).contains("the key is missing"));
        assert!(sentence(Some(b"")).contains("empty"));
        assert!(sentence(Some(&[b'x'; 81])).contains("at most 80 bytes"));
        assert!(sentence(Some(&[0xff])).contains("UTF-8"));
    }

    #[test]
    fn never_shows_its_content() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".into())), "***");
    }
}

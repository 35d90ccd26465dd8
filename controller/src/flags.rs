use std::time::Duration;

use clap::Parser;
use ipnet::IpNet;

/// Flags of `herald-controller`.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "herald-controller",
    version,
    about = "Gives Services of type LoadBalancer their addresses"
)]
pub struct Flags {
    /// Flags of every Herald program.
    #[command(flatten)]
    pub daemon: daemon::Flags,

    /// Service ranges of the cluster, for API servers without ServiceCIDR objects; no address in them
    /// is given out.
    #[arg(
        long,
        value_name = "CIDR",
        value_delimiter = ',',
        env = "HERALD_SERVICE_CIDRS"
    )]
    pub service_cidrs: Vec<IpNet>,

    /// How long an address whose pool has vanished is kept, such as 30s or 2m.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub vanished_pool_grace: Duration,

    /// How old the newest key of the speakers' heartbeats gets before a newer one is added, at least 1h; 0 for never.
    #[arg(
        long,
        value_name = "DURATION",
        env = "HERALD_HEARTBEAT_KEY_ROTATION",
        default_value = "720h",
        value_parser = rotation
    )]
    pub heartbeat_key_rotation: Duration,

    /// Name of this replica in the Lease and in Events.
    #[arg(long, value_name = "NAME", env = "POD_NAME", default_value_t = host_name())]
    pub pod_name: String,
}

/// `30s`, `2m`, `1h`, `500ms`; `0` too.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let wrong = || format!("\"{text}\" is no duration; write 30s, 2m or 500ms");
    let number: u64 = number.parse().map_err(|_error| wrong())?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => number
            .checked_mul(60)
            .map(Duration::from_secs)
            .ok_or_else(wrong),
        "h" => number
            .checked_mul(3600)
            .map(Duration::from_secs)
            .ok_or_else(wrong),
        "" if number == 0 => Ok(Duration::ZERO),
        _ => Err(wrong()),
    }
}

/// A duration in which every speaker has surely learned of a new key.
fn rotation(text: &str) -> Result<Duration, String> {
    const SHORTEST: Duration = Duration::from_secs(3600);
    match duration(text)? {
        Duration::ZERO => Ok(Duration::ZERO),
        rotation if rotation >= SHORTEST => Ok(rotation),
        _ => Err(format!(
            "\"{text}\" is too short, as speakers have to learn of each key; give at least 1h, or 0 for never"
        )),
    }
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() {
        "herald-controller".to_owned()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations_and_says_how_to_write_one() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for wrong in [
            "",
            "30",
            "s",
            "1d",
            "-1s",
            "99999999999999999999s",
            "9999999999999999999h",
        ] {
            let error = duration(wrong).unwrap_err();
            assert!(error.contains("write 30s"), "{error}");
        }
    }

    #[test]
    fn keys_are_rotated_hourly_at_most() {
        let flags = |rotation: &str| {
            let rotation = format!("--heartbeat-key-rotation={rotation}");
            Flags::try_parse_from(["x", &rotation]).map(|flags| flags.heartbeat_key_rotation)
        };
        assert_eq!(flags("0").unwrap(), Duration::ZERO);
        assert_eq!(flags("60m").unwrap(), Duration::from_secs(3600));
        let error = flags("59m").unwrap_err().to_string();
        assert!(error.contains("at least 1h"), "{error}");
        let default = Flags::try_parse_from(["x"]).unwrap();
        let month = Duration::from_secs(30 * 24 * 3600);
        assert_eq!(default.heartbeat_key_rotation, month);
    }

    #[test]
    fn takes_service_ranges_of_both_families() {
        let flags =
            Flags::try_parse_from(["x", "--service-cidrs=10.96.0.0/16,fd01::/108"]).unwrap();
        assert_eq!(flags.service_cidrs.len(), 2);
        assert_eq!(flags.vanished_pool_grace, Duration::from_secs(30));
    }
}

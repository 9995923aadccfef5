//! The network of a caller's address: what a caller can change without help of the provider.

use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, or the network of the first `bits` of an IPv6 address. Empty if `address` is neither.
pub(super) fn network(address: Option<&str>, bits: u32) -> String {
    match address.unwrap_or_default().parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => address.to_string(),
        Ok(IpAddr::V6(address)) => {
            let rest = 128 - bits;
            format!("{}/{bits}", Ipv6Addr::from_bits(address.to_bits() >> rest << rest))
        }
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn addresses_of_one_network_have_one_name() {
        for (address, bits, name) in [
            ("203.0.113.7", 64, "203.0.113.7"),
            ("::ffff:203.0.113.7", 56, "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::/64"),
            ("2001:DB8:1:2:ffff::", 64, "2001:db8:1:2::/64"),
            ("2001:db8:1:2ff:3:4:5:6", 56, "2001:db8:1:200::/56"),
            ("2001:db8:1:200::1", 56, "2001:db8:1:200::/56"),
            ("2001:db8:1:300::1", 56, "2001:db8:1:300::/56"),
            ("nonsense", 64, ""),
            ("", 56, ""),
        ] {
            assert_eq!(network(Some(address), bits), name, "{address}");
        }
        assert_eq!(network(None, 64), "");
    }
}

//! Networks of addresses, as in `203.0.113.0/24`.

use std::net::IpAddr;

use failsoft::invalid::{Invalid, Section};

use super::list::strings;

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    /// An IPv4 address in IPv6's form.
    first: u128,
    /// How many bits the addresses have in common, counted in IPv6's form.
    length: u32,
}

impl Network {
    /// Reads an address, or an address with the number of its common bits behind a slash.
    fn read(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Some(bits), |length| length.parse().ok()).filter(|length| *length <= bits)?;
        Some(Self { first: number(address), length: length + 128 - bits })
    }

    /// Whether `address` belongs to the network.
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        // A shift by all bits leaves no bit, and no difference.
        (self.first ^ number(address)).checked_shr(128 - self.length).unwrap_or_default() == 0
    }
}

/// The address as a number in IPv6's form.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Reads the array `name` of networks, if the array is there.
pub(super) fn networks(given: &Section<'_>, name: &str) -> Result<Option<Vec<Network>>, Box<Invalid>> {
    let Some(texts) = strings(given, name)? else { return Ok(None) };
    let networks: Vec<Network> = texts.iter().map_while(|text| Network::read(text)).collect();
    match texts.len() == networks.len() {
        true => Ok(Some(networks)),
        false => {
            let path = format!("{name}[{}]", networks.len());
            Err(given.wrong(&path, "must be an address such as 203.0.113.7, or a network such as 2001:db8::/32"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn a_network_has_the_addresses_with_its_first_bits() {
        for (network, address, expected) in [
            ("203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7", "203.0.113.8", false),
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.114.0", false),
            ("203.0.113.9/24", "203.0.113.1", true),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("203.0.113.0/24", "::ffff:203.0.113.5", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("2001:db8::/127", "2001:db8::1", true),
            ("::/0", "203.0.113.5", true),
        ] {
            let network = Network::read(network).expect("a network");
            assert_eq!(network.contains(address.parse().expect("an address")), expected, "{network:?} {address}");
        }
        for wrong in [
            "",
            "a",
            "203.0.113.0/33",
            "203.0.113.0/",
            "203.0.113",
            "2001:db8::/129",
            "203.0.113.0/-1",
            "203.0.113.0/+1x",
        ] {
            assert_eq!(Network::read(wrong), None, "{wrong}");
        }
    }
}

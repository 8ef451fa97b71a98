//! Upstreams, as a host tells of them.

use serde::Deserialize;

use crate::cli::{client::printable, table::Table};

/// One of them. What a host does not tell is not known.
#[derive(Deserialize)]
pub struct Upstream {
    name: String,
    waiting: u64,
    addresses: Vec<Address>,
}

#[derive(Deserialize)]
struct Address {
    address: String,
    well: bool,
    busy: u64,
    requests: u64,
    failures: u64,
}

/// A row for each address.
pub fn table(upstreams: &[Upstream]) -> Table<7> {
    let mut table = Table::new(["upstream", "address", "well", ">requests", ">failures", ">busy", ">waiting"]);
    for upstream in upstreams {
        for address in &upstream.addresses {
            let numbers = [address.requests, address.failures, address.busy, upstream.waiting];
            let [requests, failures, busy, waiting] = numbers.map(|number| number.to_string());
            let (name, at) = (printable(&upstream.name), printable(&address.address));
            let well = if address.well { "yes" } else { "no" };
            table.push([name, at, well.to_owned(), requests, failures, busy, waiting]);
        }
    }
    table
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_address_has_a_row() {
        let address = |at, well| json!({ "address": at, "well": well, "busy": 1, "requests": 1042, "failures": 3 });
        let told = json!([{
            "name": "users", "urls": ["http://users:5001"], "routes": [], "busy": 2, "waiting": 0, "max": 256,
            "addresses": [address("10.0.0.1:5001", true), address("10.0.0.2:5001", false)],
        }]);
        let told: Vec<Upstream> = serde_json::from_value(told).expect("an answer of the host");
        assert_eq!(
            table(&told).lines(),
            [
                "upstream  address        well  requests  failures  busy  waiting",
                "users     10.0.0.1:5001  yes       1042         3     1        0",
                "users     10.0.0.2:5001  no        1042         3     1        0",
            ]
        );
    }
}

//! Which canister a request means: read from its host name, else from `?canisterId=`.

use super::domain::Domains;
use crate::types::Principal;

/// What a request is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// A canister's page; `raw` skips verification.
    Canister { id: Principal, raw: bool },
    /// No canister is named.
    Gateway,
}

/// Reads the target from a `Host` header (with or without port) and the query string.
///
/// `<id>.<domain>`, `<id>.raw.<domain>` and `anything--<id>.<domain>` name a canister by their first label: no custom
/// domain takes these away.
pub fn target(host: &str, query: Option<&str>, domains: &Domains) -> Target {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let custom = || domains.canister(name).map(|id| Target::Canister { id, raw: false });
    by_name(name).or_else(custom).or_else(|| by_query(query?)).unwrap_or(Target::Gateway)
}

fn by_name(name: &str) -> Option<Target> {
    let mut labels = name.split('.');
    let first = labels.next()?;
    let text = first.rsplit_once("--").map_or(first, |(_, id)| id);
    let id = canister(text)?;
    Some(Target::Canister { id, raw: labels.next() == Some("raw") })
}

fn by_query(query: &str) -> Option<Target> {
    let text = query.split('&').find_map(|pair| pair.strip_prefix("canisterId="))?;
    canister(text).map(|id| Target::Canister { id, raw: false })
}

/// The canister that `text` names. Short principals (`aaaaa-aa`) are no canisters with pages.
pub(super) fn canister(text: &str) -> Option<Principal> {
    let id = Principal::from_text(text).ok()?;
    (id.as_slice().len() == 10).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "rwlgt-iiaaa-aaaaa-aaaaa-cai";
    const OTHER: &str = "rrkah-fqaaa-aaaaa-aaaaq-cai";

    fn check(host: &str, query: Option<&str>, expected: Option<bool>) {
        let id = Principal::from_text(ID).expect("a principal");
        let expected = expected.map_or(Target::Gateway, |raw| Target::Canister { id, raw });
        let (domains, _) = Domains::parse(&format!("shop.example.org:{ID}"));
        assert_eq!(target(host, query, &domains), expected, "{host} {query:?}");
    }

    #[test]
    fn a_host_name_names_its_canister() {
        check(&format!("{ID}.localhost:8080"), None, Some(false));
        check(&format!("{ID}.localhost"), None, Some(false));
        check(&format!("{ID}.raw.localhost:8080"), None, Some(true));
        check(&format!("my-app--{ID}.example.org"), None, Some(false));
    }

    #[test]
    fn a_query_parameter_names_a_canister_where_the_host_does_not() {
        check("127.0.0.1:8080", Some(&format!("a=b&canisterId={ID}")), Some(false));
        check("localhost", Some("canisterId=nonsense"), None);
    }

    #[test]
    fn a_custom_domain_names_its_canister_but_takes_no_other_ones_name() {
        check("shop.example.org", None, Some(false));
        check("Shop.example.org:8080", Some(&format!("canisterId={OTHER}")), Some(false));
        check("www.shop.example.org", None, None);
        let (domains, _) = Domains::parse(&format!("{OTHER}.example.org:{ID}"));
        let id = Principal::from_text(OTHER).expect("a principal");
        let found = target(&format!("{OTHER}.example.org"), None, &domains);
        assert_eq!(found, Target::Canister { id, raw: false });
    }

    #[test]
    fn other_hosts_mean_the_gateway_itself() {
        for host in
            ["", "localhost", "127.0.0.1:8080", "aaaaa-aa.localhost", "rwlgt-iiaaa.localhost", "[::1]:8080"]
        {
            check(host, None, None);
        }
    }
}

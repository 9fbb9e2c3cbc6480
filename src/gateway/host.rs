//! Which canister a request means: read from its host name, else from `?canisterId=`.
//!
//! 1. `<id>.<domain>`, `<id>.raw.<domain>` and `anything--<id>.<domain>` name a canister by their first label, whatever the
//!    domain is: a gateway need not know the names under which it is reached. No custom domain takes these away.
//! 2. Browsers let a page act for every name that its own lies below: it may set cookies there, and sign in with
//!    passkeys that were made there. So nobody's page lies below a name that is a canister's. Where a later label names a
//!    canister, the name is nobody's, whatever its first label, the file of custom domains and the query say; and so is a
//!    name below a custom domain that is none itself. What the file says itself counts: whoever writes it may put a
//!    custom domain below another.
//! 3. Pages of `<domain>` itself, which `?canisterId=` chooses, have one origin together: it is for tools, and for
//!    networks without names. Of a domain on which others' canisters are, browsers should know that pages below it act
//!    for themselves alone, as they do of `localhost`; in the world its owner puts it on the public suffix list.

use super::domain::{Domains, NAME_BYTES_MAX};
use crate::types::Principal;

/// What a request is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// A canister's page; `raw` skips verification.
    Canister { id: Principal, raw: bool },
    /// No canister is named.
    Gateway,
    /// The name lies below a canister's.
    Nobody,
}

/// Reads the target from a `Host` header (with or without port) and the query string.
pub fn target(host: &str, query: Option<&str>, domains: &Domains) -> Target {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    if name.len() > NAME_BYTES_MAX {
        return Target::Gateway;
    }
    let (first, above) = name.split_once('.').unwrap_or((&name, ""));
    if above.split('.').any(|label| by_label(label).is_some()) {
        return Target::Nobody;
    }
    let named = by_label(first);
    let custom = if named.is_none() { domains.canister(&name) } else { None };
    match (named, custom) {
        (_, Some(id)) => Target::Canister { id, raw: false },
        _ if domains.has_above(&name) => Target::Nobody,
        (Some(id), _) => Target::Canister { id, raw: above.split('.').next() == Some("raw") },
        _ => query.and_then(by_query).unwrap_or(Target::Gateway),
    }
}

fn by_label(label: &str) -> Option<Principal> {
    canister(label.rsplit_once("--").map_or(label, |(_, id)| id))
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

    fn principal(text: &str) -> Principal {
        Principal::from_text(text).expect("a principal")
    }

    /// `shop.example.org` is a custom domain, and `us.shop.example.org` below it, and so is one that bears an id.
    fn check(host: &str, query: Option<&str>, expected: Target) {
        let file = format!(
            "shop.example.org:{ID}\nus.shop.example.org:{OTHER}\n{OTHER}.example.org:{ID}\nx.{OTHER}.test:{ID}"
        );
        let (domains, _) = Domains::parse(&file);
        assert_eq!(target(host, query, &domains), expected, "{host} {query:?}");
    }

    fn page(id: &str, raw: bool) -> Target {
        Target::Canister { id: principal(id), raw }
    }

    #[test]
    fn a_host_name_names_its_canister() {
        for host in [
            format!("{ID}.localhost:8080"),
            format!("{ID}.localhost"),
            format!("{ID}.localhost."),
            format!("{}.LOCALHOST", ID.to_uppercase()),
            format!("my-app--{ID}.example.org"),
            format!("{ID}.eu.raw.example.org"),
            ID.to_string(),
        ] {
            check(&host, None, page(ID, false));
            check(&host, Some(&format!("canisterId={OTHER}")), page(ID, false));
        }
        check(&format!("{ID}.raw.localhost:8080"), None, page(ID, true));
    }

    #[test]
    fn a_query_parameter_names_a_canister_where_the_host_does_not() {
        check("127.0.0.1:8080", Some(&format!("a=b&canisterId={ID}")), page(ID, false));
        check("localhost", Some("canisterId=nonsense"), Target::Gateway);
    }

    #[test]
    fn a_custom_domain_names_its_canister_but_takes_no_other_ones_name() {
        check("shop.example.org", None, page(ID, false));
        check("Shop.example.org:8080", Some(&format!("canisterId={OTHER}")), page(ID, false));
        check("us.shop.example.org", None, page(OTHER, false));
        check(&format!("{OTHER}.example.org"), None, page(OTHER, false));
    }

    #[test]
    fn no_page_lies_below_a_canisters_name() {
        let chosen = format!("canisterId={OTHER}");
        for host in [
            format!("{OTHER}.{ID}.localhost"),
            format!("{OTHER}.{ID}.localhost:8080"),
            format!("{OTHER}.{}.localhost", ID.to_uppercase()),
            format!("{OTHER}.raw.{ID}.localhost"),
            format!("{OTHER}.{ID}.raw.localhost"),
            format!("x--{OTHER}.y--{ID}.localhost"),
            format!("{OTHER}.a.b.{ID}.localhost"),
            format!("www.{ID}.localhost"),
            format!("{OTHER}.{ID}"),
            format!("x.{OTHER}.test"),
            format!("{OTHER}.shop.example.org"),
            format!("{OTHER}.raw.shop.example.org."),
            format!("{OTHER}.us.shop.example.org"),
            "www.shop.example.org".to_string(),
        ] {
            check(&host, None, Target::Nobody);
            check(&host, Some(&chosen), Target::Nobody);
        }
    }

    #[test]
    fn what_is_too_long_for_a_name_is_none() {
        check(&format!("{ID}.{}localhost", "a.".repeat(100)), None, page(ID, false));
        check(&format!("{ID}.{}localhost", "a.".repeat(30_000)), None, Target::Gateway);
    }

    #[test]
    fn other_hosts_mean_the_gateway_itself() {
        for host in [
            "",
            ".",
            "localhost",
            "127.0.0.1:8080",
            "aaaaa-aa.localhost",
            "rwlgt-iiaaa.localhost",
            "[::1]:8080",
        ] {
            check(host, None, Target::Gateway);
        }
    }
}

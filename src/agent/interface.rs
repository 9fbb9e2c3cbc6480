//! Candid between text and bytes, by the interface that a canister publishes as `candid:service`.

use super::client::{AgentFailure, Client};
use crate::types::Principal;
use candid::IDLArgs;
use candid::types::{Function, Type, TypeEnv, TypeInner};
use candid_parser::{IDLProg, check_prog, parse_idl_args};

/// A canister's published interface, or the lack of one.
pub struct Interface(Option<(TypeEnv, Type)>);

impl Interface {
    /// Reads and checks the interface of `canister`. One that is absent or wrong counts as none.
    pub async fn of(client: &Client, canister: Principal) -> Interface {
        let text = client.metadata(canister, "candid:service").await;
        Interface(text.and_then(|bytes| String::from_utf8(bytes).ok()).and_then(|text| checked(&text)))
    }

    /// The interface in `text`.
    pub fn parse(text: &str) -> Interface {
        Interface(checked(text))
    }

    fn method(&self, name: &str) -> Option<(&TypeEnv, Function)> {
        let (env, actor) = self.0.as_ref()?;
        let function = env.get_method(actor, name).ok()?.clone();
        Some((env, function))
    }

    /// Whether `method` is declared a query.
    pub fn is_query(&self, method: &str) -> bool {
        self.method(method).is_some_and(|(_, function)| function.is_query())
    }

    /// Encodes `text`, e.g. `("Ada", 36)`, with the declared types of `method` where they are known.
    pub fn encode(&self, method: &str, text: &str) -> Result<Vec<u8>, AgentFailure> {
        let args = parse_idl_args(text).map_err(|error| AgentFailure::Text(error.to_string()))?;
        Ok(match self.method(method) {
            Some((env, function)) => args.to_bytes_with_types(env, &function.args)?,
            None => args.to_bytes()?,
        })
    }

    /// Encodes the argument of the canister's `init`, where the interface declares one.
    pub fn encode_init(&self, text: &str) -> Result<Vec<u8>, AgentFailure> {
        let args = parse_idl_args(text).map_err(|error| AgentFailure::Text(error.to_string()))?;
        match self.0.as_ref().map(|(env, actor)| (env, actor.as_ref())) {
            Some((env, TypeInner::Class(types, _))) => Ok(args.to_bytes_with_types(env, types)?),
            _ => Ok(args.to_bytes()?),
        }
    }

    /// The reply of `method` as text.
    pub fn decode(&self, method: &str, bytes: &[u8]) -> Result<String, AgentFailure> {
        let args = match self.method(method) {
            Some((env, function)) => IDLArgs::from_bytes_with_types(bytes, env, &function.rets)?,
            None => IDLArgs::from_bytes(bytes)?,
        };
        Ok(args.to_string())
    }
}

fn checked(text: &str) -> Option<(TypeEnv, Type)> {
    let program: IDLProg = text.parse().ok()?;
    let mut env = TypeEnv::new();
    let actor = check_prog(&mut env, &program).ok()??;
    Some((env, actor))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "service : { add : (nat8, text) -> (record { sum : nat8 }); get : () -> (nat64) query }";

    fn check(method: &str, text: &str, expected: &[u8]) {
        let bytes = Interface::parse(TEXT).encode(method, text).expect("valid arguments");
        assert_eq!(bytes, expected, "{method}{text}");
    }

    #[test]
    fn arguments_take_the_declared_types() {
        check("add", "(7, \"x\")", &candid::encode_args((7u8, "x")).expect("encodes"));
        check("unknown", "(\"x\")", &candid::encode_args(("x",)).expect("encodes"));
    }

    #[test]
    fn replies_show_field_names() {
        #[derive(candid::CandidType)]
        struct Sum {
            sum: u8,
        }
        let bytes = candid::encode_args((Sum { sum: 9 },)).expect("encodes");
        let text = Interface::parse(TEXT).decode("add", &bytes).expect("decodes");
        assert!(text.contains("sum = 9"), "{text}");
        assert!(Interface::parse(TEXT).is_query("get") && !Interface::parse(TEXT).is_query("add"));
    }

    #[test]
    fn text_that_is_not_candid_is_refused() {
        assert!(matches!(Interface::parse(TEXT).encode("add", "(7,"), Err(AgentFailure::Text(_))));
    }
}

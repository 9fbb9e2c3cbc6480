//! Candid as text, by the management canister's interface.

use crate::program::Variables;
use candid::types::value::IDLValue;
use candid::types::{Type, TypeEnv};
use candid::{IDLArgs, Principal};
use candid_parser::{IDLProg, check_prog, parse_idl_args};

thread_local! {
    static INTERFACE: (TypeEnv, Type) = {
        let program: IDLProg = include_str!("management.did").parse().expect("Candid");
        let mut env = TypeEnv::new();
        let service = check_prog(&mut env, &program).expect("an interface").expect("a service");
        (env, service)
    };
}

/// The argument of `method` in Candid text, where `$name` is a principal and `%name` a blob. An argument
/// that is not of the method's type is encoded as it stands.
pub fn encode(method: &str, text: &str, variables: &Variables) -> Vec<u8> {
    let text = substitute(text, variables);
    let args = parse_idl_args(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let typed = INTERFACE.with(|(env, service)| {
        let function = env.get_method(service, method).ok()?;
        args.to_bytes_with_types(env, &function.args).ok()
    });
    typed.unwrap_or_else(|| args.to_bytes().expect("encodes"))
}

/// A reply of `method` as text on one line.
pub fn show(method: &str, reply: &[u8]) -> Result<String, String> {
    let args = decode(method, reply)?;
    Ok(on_one_line(&args.to_string()))
}

/// One space for any, and no separator before the end of a list.
pub fn on_one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace("; }", " }").replace("( ", "(").replace(", )", ")").replace(" )", ")")
}

fn decode(method: &str, reply: &[u8]) -> Result<IDLArgs, String> {
    let args = INTERFACE.with(|(env, service)| match env.get_method(service, method) {
        Ok(function) => IDLArgs::from_bytes_with_types(reply, env, &function.rets),
        Err(_) => IDLArgs::from_bytes(reply),
    });
    args.map_err(|error| error.to_string())
}

/// The first blob or principal in a reply.
pub fn first_bytes(method: &str, reply: &[u8]) -> Option<Vec<u8>> {
    decode(method, reply).ok()?.args.iter().find_map(bytes_in)
}

fn bytes_in(value: &IDLValue) -> Option<Vec<u8>> {
    match value {
        IDLValue::Blob(bytes) => Some(bytes.clone()),
        IDLValue::Principal(principal) => Some(principal.as_slice().to_vec()),
        IDLValue::Record(fields) => fields.iter().find_map(|field| bytes_in(&field.val)),
        IDLValue::Opt(value) => bytes_in(value),
        IDLValue::Vec(values) => values.iter().find_map(bytes_in),
        _ => None,
    }
}

/// Writes variables into a text: `$name` and `%name`.
pub fn substitute(text: &str, variables: &Variables) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['$', '%']) {
        let (before, after) = rest.split_at(at);
        let name: String =
            after[1..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let value = variables.get(&name).unwrap_or_else(|| panic!("no variable {name}: {text}"));
        result += before;
        result += &match after.starts_with('$') {
            true => format!("principal \"{}\"", Principal::from_slice(value)),
            false => format!("blob \"{}\"", value.iter().map(|b| format!("\\{b:02x}")).collect::<String>()),
        };
        rest = &after[1 + name.len()..];
    }
    result + rest
}

#[test]
fn texts_become_typed_arguments() {
    let variables = Variables::from([("x".to_owned(), vec![1, 2])]);
    let arg = encode("raw_rand", "()", &variables);
    assert_eq!(arg, b"DIDL\0\0");
    let text = "(record { canister_id = $x; amount = 5 })";
    let arg = encode("provisional_top_up_canister", text, &variables);
    let decoded = IDLArgs::from_bytes(&arg).expect("decodes").to_string();
    assert!(decoded.contains("5 : nat"), "{decoded}");
    assert_eq!(substitute("%x;", &variables), "blob \"\\01\\02\";");
}

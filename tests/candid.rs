//! The Candid page has a reader of interfaces of its own (`web/candid/src/did`). The reference library is its judge: both
//! read the same in every interface of the repository, and refuse the same texts; and it reads as values what the page
//! writes as values.

use candid::IDLArgs;
use candid::types::{FuncMode, Function, Label, Type, TypeEnv, TypeInner};
use candid_parser::{IDLProg, check_prog, parse_idl_args};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

/// The page's tests are built once for all that run them.
static BUILT: Once = Once::new();

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn by_name<T>(mut list: Vec<(&String, T)>, shown: impl Fn(T) -> Value) -> Value {
    list.sort_by_key(|(name, _)| *name);
    list.into_iter().map(|(name, it)| json!([name, shown(it)])).collect()
}

fn list(types: &[Type]) -> Value {
    types.iter().map(plain).collect()
}

fn function(it: &Function) -> Value {
    let mode = it.modes.first().map(|mode| match mode {
        FuncMode::Oneway => "oneway",
        FuncMode::Query => "query",
        FuncMode::CompositeQuery => "composite_query",
    });
    json!({ "func": [list(&it.args), list(&it.rets), mode] })
}

/// As `web/candid/test/canonical.ts` has it.
fn plain(ty: &Type) -> Value {
    let fields = |fields: &[candid::types::Field]| -> Value {
        let name = |label: &Label| match label {
            Label::Named(name) => json!(name),
            Label::Id(_) | Label::Unnamed(_) => Value::Null,
        };
        fields.iter().map(|field| json!([field.id.get_id(), name(&field.id), plain(&field.ty)])).collect()
    };
    match ty.as_ref() {
        TypeInner::Var(name) => json!({ "name": name }),
        TypeInner::Opt(of) => json!({ "opt": plain(of) }),
        TypeInner::Vec(of) => json!({ "vec": plain(of) }),
        TypeInner::Record(list) => json!({ "record": fields(list) }),
        TypeInner::Variant(list) => json!({ "variant": fields(list) }),
        TypeInner::Func(it) => function(it),
        TypeInner::Service(methods) => {
            json!({ "service": by_name(methods.iter().map(|(name, it)| (name, it)).collect(), plain) })
        }
        simple => json!(simple.to_string()),
    }
}

fn reference(text: &str) -> Result<Value, String> {
    let program: IDLProg = text.parse().map_err(|error| format!("{error}"))?;
    let mut env = TypeEnv::new();
    let actor = check_prog(&mut env, &program).map_err(|error| format!("{error}"))?;
    let (init, methods) = match actor.as_ref().map(|actor| (actor, actor.as_ref())) {
        None => (Vec::new(), Vec::new()),
        Some((actor, TypeInner::Class(init, _))) => {
            (init.clone(), env.as_service(actor).expect("a service").to_vec())
        }
        Some((actor, _)) => (Vec::new(), env.as_service(actor).expect("a service").to_vec()),
    };
    let methods = methods.iter().map(|(name, it)| (name, env.as_func(it).expect("a function"))).collect();
    Ok(json!({
        "types": by_name(env.0.iter().collect(), plain),
        "init": list(&init),
        "methods": by_name(methods, function),
    }))
}

/// Runs tests of the page, which write down in `folder` what it reads.
fn told_by_the_page(file: &str, folder: &Path) {
    let page = root().join("web/candid");
    assert!(page.join("node_modules").exists(), "run `make setup-test`");
    let run = |args: &[&str]| {
        let status = Command::new("node").args(args).current_dir(&page).env("CANDID_TOLD", folder).status();
        assert!(status.expect("node starts").success(), "node {args:?} failed");
    };
    BUILT.call_once(|| run(&["build.mjs", "test"]));
    run(&["--test", file]);
}

/// What stands in the files that the page wrote, and the interfaces that it is read from.
fn read_by_the_page(folder: &Path) -> Vec<(PathBuf, Value)> {
    told_by_the_page("build/parse.test.mjs", folder);
    let read = |path: PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let source = root().join(name.trim_end_matches(".json").replace('~', "/"));
        let text = std::fs::read(&path).expect("what was read");
        (source, serde_json::from_slice(&text).expect("JSON"))
    };
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|entry| read(entry.expect("an entry").path())).collect()
}

#[test]
fn the_page_reads_every_interface_as_the_reference_library_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let read = read_by_the_page(folder.path());
    assert!(read.len() > 15, "{} interfaces", read.len());
    for (path, found) in read {
        let text = std::fs::read_to_string(&path).expect("an interface");
        let expected = reference(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(found, expected, "{}", path.display());
    }
}

/// All but one that names other files, which the library leaves to its caller, and one whose number of a field it lets
/// overflow.
#[test]
fn what_the_page_refuses_the_reference_library_refuses_too() {
    let text = std::fs::read(root().join("web/candid/test/wrong.json")).expect("texts");
    let wrong: Vec<(String, String)> = serde_json::from_slice(&text).expect("texts and reasons");
    assert!(wrong.len() > 20);
    let alone = |text: &str| text.starts_with("import") || text.contains("4294967295");
    for (text, _) in wrong.iter().filter(|(text, _)| !alone(text)) {
        assert!(reference(text).is_err(), "{text}");
    }
}

#[test]
fn what_the_page_writes_as_a_value_the_reference_library_reads_as_that_value() {
    let folder = tempfile::tempdir().expect("a folder");
    told_by_the_page("build/values.test.mjs", folder.path());
    let text = std::fs::read(folder.path().join("values.json")).expect("values");
    let values: Vec<(String, String, String)> = serde_json::from_slice(&text).expect("values");
    assert!(values.len() > 40, "{} values", values.len());
    for (interface, text, bytes) in values {
        let program: IDLProg = interface.parse().expect("an interface");
        let mut env = TypeEnv::new();
        let actor = check_prog(&mut env, &program).expect("an interface").expect("a service");
        let types = env.get_method(&actor, "it").expect("a method").args.clone();
        let bytes = hex::decode(bytes).expect("bytes");
        let expected = IDLArgs::from_bytes_with_types(&bytes, &env, &types).expect("values");
        let args = parse_idl_args(&format!("({text})")).unwrap_or_else(|error| panic!("{text}: {error}"));
        let written =
            args.to_bytes_with_types(&env, &types).unwrap_or_else(|error| panic!("{text}: {error}"));
        let found = IDLArgs::from_bytes_with_types(&written, &env, &types).expect("values");
        assert_eq!(found.to_string(), expected.to_string(), "{text}");
    }
}

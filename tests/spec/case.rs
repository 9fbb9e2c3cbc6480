//! What a case is: where it takes place, what is done there, and what the spec says comes of it.

use crate::request::Draft;

/// A section of the spec and what is checked of it.
pub struct Section {
    /// The document and the anchor of its heading.
    pub anchor: &'static str,
    pub cases: &'static [Case],
}

/// One statement of the spec, checked.
#[derive(Clone, Copy)]
pub struct Case {
    /// A sentence, unique in the suite.
    pub name: &'static str,
    pub place: Place,
    pub steps: &'static [Step],
}

/// The canister that `$self` is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// A running probe that all cases use; `$peer` is another one.
    Shared,
    /// A probe of the case's own.
    Fresh,
    /// A canister of its own without code.
    Empty,
    /// A canister of its own with this module, in text form.
    Module(&'static str),
    /// None is needed.
    Nowhere,
}

/// One request and what comes back.
#[derive(Clone, Copy)]
pub struct Step {
    pub act: Act,
    pub who: Who,
    pub expect: Expect,
    /// The variable that takes the reply: a Candid reply's first blob or principal, else its bytes.
    pub save: Option<&'static str>,
}

/// Who sends a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// The controller of the case's canisters: `$me`.
    Controller,
    /// Somebody else: `$stranger`.
    Stranger,
    Anonymous,
}

/// A request. Texts are scripts ([`crate::program`]) or Candid with `$variables`.
#[derive(Clone, Copy)]
pub enum Act {
    /// An update call.
    Update { canister: &'static str, method: &'static str, script: &'static str },
    /// A query call.
    Query { canister: &'static str, method: &'static str, script: &'static str },
    /// The same query until it gives what is expected.
    Eventually { canister: &'static str, method: &'static str, script: &'static str },
    /// `install_code` of a module in text form, or of the probe, with a script as its argument.
    Install { mode: &'static str, module: Module, script: &'static str },
    /// An update call of the management canister.
    Manage { method: &'static str, arg: &'static str },
    /// A query call of the management canister.
    ManageQuery { method: &'static str, arg: &'static str },
    /// The same until it gives what is expected.
    ManageEventually { method: &'static str, arg: &'static str },
    /// A call of the management canister by a probe, with cycles.
    Through { canister: &'static str, method: &'static str, arg: &'static str, cycles: u128 },
    /// No request: the step's variable takes what is computed from the others.
    Compute { value: fn(&crate::program::Variables) -> Vec<u8> },
    /// Any request, as drafted.
    Send { draft: fn(&mut Draft) },
}

/// What `install_code` installs.
#[derive(Clone, Copy)]
pub enum Module {
    Probe,
    /// The probe with `canister_heartbeat`.
    Beating,
    /// The probe with `canister_on_low_wasm_memory`.
    Watching,
    /// A module in text form.
    Text(&'static str),
    /// A module in text form, compressed.
    Zipped(&'static str),
    /// Any bytes.
    Made(fn() -> Vec<u8>),
}

/// What the spec says comes of it.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// A reply with these bytes, written as literals.
    Reply(&'static str),
    /// A reply, whatever it is.
    Replied,
    /// A reply whose Candid text contains each of these.
    Shows(&'static [&'static str]),
    /// A reject with this code, error code, and words.
    Reject(u64, &'static str, &'static str),
    /// A reject with this code.
    RejectCode(u64),
    /// An HTTP status, and words in its body.
    Http(u16, &'static str),
    /// A check of one's own of the answer's body.
    Body(fn(&crate::answer::Answer, &crate::program::Variables) -> Result<(), String>),
}

impl Step {
    pub const fn by(self, who: Who) -> Step {
        Step { who, ..self }
    }

    pub const fn save(self, name: &'static str) -> Step {
        Step { save: Some(name), ..self }
    }
}

const fn step(act: Act, expect: Expect) -> Step {
    Step { act, who: Who::Controller, expect, save: None }
}

/// A case on the shared probe.
pub const fn case(name: &'static str, steps: &'static [Step]) -> Case {
    Case { name, place: Place::Shared, steps }
}

/// A case on a probe of its own.
pub const fn fresh(name: &'static str, steps: &'static [Step]) -> Case {
    Case { name, place: Place::Fresh, steps }
}

/// A case on an empty canister.
pub const fn empty(name: &'static str, steps: &'static [Step]) -> Case {
    Case { name, place: Place::Empty, steps }
}

/// A case on a canister with the module `wat`.
pub const fn with(name: &'static str, wat: &'static str, steps: &'static [Step]) -> Case {
    Case { name, place: Place::Module(wat), steps }
}

/// A case that needs no canister.
pub const fn nowhere(name: &'static str, steps: &'static [Step]) -> Case {
    Case { name, place: Place::Nowhere, steps }
}

/// `$self.run(script)`, an update.
pub const fn update(script: &'static str, expect: Expect) -> Step {
    update_to("self", "run", script, expect)
}

pub const fn update_to(
    canister: &'static str,
    method: &'static str,
    script: &'static str,
    expect: Expect,
) -> Step {
    step(Act::Update { canister, method, script }, expect)
}

/// `$self.ask(script)`, a query.
pub const fn query(script: &'static str, expect: Expect) -> Step {
    query_to("self", "ask", script, expect)
}

/// `$self.compose(script)`, a composite query.
pub const fn compose(script: &'static str, expect: Expect) -> Step {
    query_to("self", "compose", script, expect)
}

pub const fn query_to(
    canister: &'static str,
    method: &'static str,
    script: &'static str,
    expect: Expect,
) -> Step {
    step(Act::Query { canister, method, script }, expect)
}

/// `$self.ask(script)`, a query, until it gives `expect`.
pub const fn eventually(script: &'static str, expect: Expect) -> Step {
    step(Act::Eventually { canister: "self", method: "ask", script }, expect)
}

pub const fn install(mode: &'static str, module: Module, script: &'static str, expect: Expect) -> Step {
    step(Act::Install { mode, module, script }, expect)
}

pub const fn manage(method: &'static str, arg: &'static str, expect: Expect) -> Step {
    step(Act::Manage { method, arg }, expect)
}

pub const fn manage_query(method: &'static str, arg: &'static str, expect: Expect) -> Step {
    step(Act::ManageQuery { method, arg }, expect)
}

pub const fn manage_eventually(method: &'static str, arg: &'static str, expect: Expect) -> Step {
    step(Act::ManageEventually { method, arg }, expect)
}

pub const fn through(method: &'static str, arg: &'static str, cycles: u128, expect: Expect) -> Step {
    through_of("self", method, arg, cycles, expect)
}

pub const fn through_of(
    canister: &'static str,
    method: &'static str,
    arg: &'static str,
    cycles: u128,
    expect: Expect,
) -> Step {
    step(Act::Through { canister, method, arg, cycles }, expect)
}

/// Sets the variable `name`.
pub const fn compute(name: &'static str, value: fn(&crate::program::Variables) -> Vec<u8>) -> Step {
    step(Act::Compute { value }, REPLIED).save(name)
}

pub const fn send(draft: fn(&mut Draft), expect: Expect) -> Step {
    step(Act::Send { draft }, expect)
}

/// A reply of these bytes, written as literals.
pub const fn reply(literals: &'static str) -> Expect {
    Expect::Reply(literals)
}

pub const REPLIED: Expect = Expect::Replied;

pub const fn shows(parts: &'static [&'static str]) -> Expect {
    Expect::Shows(parts)
}

pub const fn reject(code: u64, error: &'static str, words: &'static str) -> Expect {
    Expect::Reject(code, error, words)
}

/// `CANISTER_ERROR`: the canister called `ic0.trap`.
pub const fn called_trap(words: &'static str) -> Expect {
    Expect::Reject(5, "IC0503", words)
}

/// `CANISTER_ERROR`: the System API was used as it must not be.
pub const CONTRACT: Expect = Expect::Reject(5, "IC0504", "");

/// `CANISTER_ERROR`: a WebAssembly trap, an address out of bounds among them.
pub const TRAPPED: Expect = Expect::Reject(5, "IC0502", "");

/// `CANISTER_REJECT`: the management canister cannot use the argument.
pub const INVALID: Expect = Expect::Reject(4, "IC0408", "");

/// `CANISTER_REJECT`: the caller may not do that.
pub const NOT_ALLOWED: Expect = Expect::Reject(4, "IC0406", "");

/// `CANISTER_REJECT`: the canister said so.
pub const fn rejected(words: &'static str) -> Expect {
    Expect::Reject(4, "IC0406", words)
}

pub const fn http(status: u16, words: &'static str) -> Expect {
    Expect::Http(status, words)
}

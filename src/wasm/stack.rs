//! How deep calls may go, decided before anything runs (rule 5).
//!
//! Every function has an estimated frame: 64 bytes, its locals and operands at 16 bytes each, and a
//! quarter byte for each operator (a compiler may keep values alive that the code no longer names).
//! A frame is never 64 times larger than that. *Counted* are the functions that lie on a cycle of
//! direct calls, those whose reference is taken (a call through a table can reach them), and those
//! whose uncounted callees together would take too much. A counted function charges its own frame
//! and the deepest chain of uncounted calls that it can start; so the charges of all counted
//! functions on the stack bound the whole stack, however the native compiler lays it out.

use super::parsed::{FunctionCode, Parsed};
use crate::types::limits::STACK_UNCOUNTED_BYTES_MAX;
use wasmparser::ElementItems;

/// What a function charges at its entry; `None`: it is not counted.
pub type Charge = Option<u64>;

/// The charges of all functions that `parsed` defines.
pub fn charges(parsed: &Parsed<'_>) -> Vec<Charge> {
    let graph = Graph::new(parsed);
    let (order, cyclic) = graph.callees_first();
    let mut counted: Vec<bool> = cyclic;
    for function in referenced(parsed) {
        if let Some(function) = graph.defined(function) {
            counted[function] = true;
        }
    }
    let mut chain = vec![0u64; graph.callees.len()];
    let mut below = vec![0u64; graph.callees.len()];
    for &function in &order {
        let uncounted = graph.callees[function].iter().filter(|callee| !counted[**callee]);
        below[function] = uncounted.map(|callee| chain[*callee]).max().unwrap_or(0);
        chain[function] = frame(&parsed.code[function]).saturating_add(below[function]);
        if chain[function] > STACK_UNCOUNTED_BYTES_MAX {
            counted[function] = true;
        }
    }
    let charge = |function: usize| counted[function].then(|| chain[function]);
    (0..counted.len()).map(charge).collect()
}

/// Estimated bytes of a function's frame.
fn frame(code: &FunctionCode) -> u64 {
    64 + 16 * (code.locals + code.height) + code.operators / 4
}

/// Functions whose reference is taken by segments, globals, tables or code.
fn referenced(parsed: &Parsed<'_>) -> Vec<u32> {
    let mut found: Vec<u32> = Vec::new();
    for element in &parsed.elements {
        match &element.items {
            ElementItems::Functions(functions) => found.extend(functions.clone().into_iter().flatten()),
            ElementItems::Expressions(_, expressions) => {
                expressions.clone().into_iter().flatten().for_each(|expr| in_const(&expr, &mut found));
            }
        }
    }
    for global in &parsed.globals {
        in_const(&global.init_expr, &mut found);
    }
    for table in &parsed.tables {
        if let wasmparser::TableInit::Expr(expr) = &table.init {
            in_const(expr, &mut found);
        }
    }
    found.extend(parsed.code.iter().flat_map(|code| &code.references));
    found
}

fn in_const(expr: &wasmparser::ConstExpr<'_>, found: &mut Vec<u32>) {
    for operator in expr.get_operators_reader().into_iter().flatten() {
        if let wasmparser::Operator::RefFunc { function_index } = operator {
            found.push(function_index);
        }
    }
}

/// Direct calls between the functions defined in a module.
struct Graph {
    imported: usize,
    callees: Vec<Vec<usize>>,
}

impl Graph {
    fn new(parsed: &Parsed<'_>) -> Graph {
        let imported = parsed.imports.len();
        let callees = |code: &FunctionCode| {
            let defined = code.calls.iter().filter_map(|call| (*call as usize).checked_sub(imported));
            defined.collect()
        };
        Graph { imported, callees: parsed.code.iter().map(callees).collect() }
    }

    fn defined(&self, function: u32) -> Option<usize> {
        let function = (function as usize).checked_sub(self.imported)?;
        (function < self.callees.len()).then_some(function)
    }

    /// All functions, callees before callers, and which lie on a cycle: Tarjan's strongly connected
    /// components, without recursion.
    fn callees_first(&self) -> (Vec<usize>, Vec<bool>) {
        let mut walk = Walk::new(self.callees.len());
        for root in 0..self.callees.len() {
            if walk.index[root].is_none() {
                walk.from(root, &self.callees);
            }
        }
        (walk.order, walk.cyclic)
    }
}

/// The state of Tarjan's walk.
struct Walk {
    index: Vec<Option<usize>>,
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    next: usize,
    order: Vec<usize>,
    cyclic: Vec<bool>,
}

impl Walk {
    fn new(functions: usize) -> Walk {
        Walk {
            index: vec![None; functions],
            low: vec![0; functions],
            on_stack: vec![false; functions],
            stack: Vec::new(),
            next: 0,
            order: Vec::with_capacity(functions),
            cyclic: vec![false; functions],
        }
    }

    fn enter(&mut self, function: usize) {
        self.index[function] = Some(self.next);
        self.low[function] = self.next;
        self.next += 1;
        self.stack.push(function);
        self.on_stack[function] = true;
    }

    fn from(&mut self, root: usize, callees: &[Vec<usize>]) {
        let mut path = vec![(root, 0)];
        self.enter(root);
        while let Some((function, at)) = path.pop() {
            let Some(&callee) = callees[function].get(at) else {
                self.leave(function);
                if let Some((caller, _)) = path.last() {
                    self.low[*caller] = self.low[*caller].min(self.low[function]);
                }
                continue;
            };
            path.push((function, at + 1));
            match self.index[callee] {
                None => {
                    self.enter(callee);
                    path.push((callee, 0));
                }
                Some(index) if self.on_stack[callee] => {
                    self.low[function] = self.low[function].min(index);
                    self.cyclic[function] |= callee == function;
                }
                Some(_) => {}
            }
        }
    }

    /// Closes the component that `function` is the root of, if it is one.
    fn leave(&mut self, function: usize) {
        if Some(self.low[function]) != self.index[function] {
            return;
        }
        let start = self.stack.iter().rposition(|member| *member == function).unwrap_or(0);
        let members = self.stack.split_off(start);
        for member in &members {
            self.on_stack[*member] = false;
            self.cyclic[*member] |= members.len() > 1;
        }
        self.order.extend(members);
    }
}

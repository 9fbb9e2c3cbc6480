//! Every System API function by its number, with numbers as arguments: pointers are the script's own affair.

macro_rules! wasm_type {
    (ptr) => {
        u32
    };
    (i32) => {
        u32
    };
    (i64) => {
        u64
    };
}

macro_rules! widened {
    ($call:expr) => {{
        $call;
        None
    }};
    ($call:expr, $ty:ident) => {
        Some(u64::from($call))
    };
}

macro_rules! dispatch {
    ($($name:ident($($arg:ident: $ty:ident),*) $(-> $result:ident)?;)*) => {
        #[link(wasm_import_module = "ic0")]
        unsafe extern "C" {
            $(fn $name($($arg: wasm_type!($ty)),*) $(-> wasm_type!($result))?;)*
        }

        /// The numbers of the functions.
        #[allow(non_camel_case_types, reason = "the names are the System API's")]
        enum Number { $($name),* }

        /// Calls function `number` with what `pop` gives for its arguments, the last one first. `None` if it
        /// returns nothing.
        pub fn call(number: u8, mut pop: impl FnMut() -> u64) -> Option<u64> {
            $(if number == Number::$name as u8 {
                reversed!([pop] [$($arg: $ty,)*] []);
                // SAFETY: whatever the script says: the System API traps where an address is none.
                return widened!(unsafe { $name($($arg),*) } $(, $result)?);
            })*
            ic0::trap(b"probe: no such System API function")
        }
    };
}

/// Binds the arguments in the order in which they come off the stack.
macro_rules! reversed {
    ([$pop:ident] [] [$($arg:ident: $ty:ident,)*]) => {
        $(let $arg = $pop() as wasm_type!($ty);)*
    };
    ([$pop:ident] [$first:ident: $first_ty:ident, $($rest:tt)*] [$($done:tt)*]) => {
        reversed!([$pop] [$($rest)*] [$first: $first_ty, $($done)*]);
    };
}

system_functions!(dispatch);

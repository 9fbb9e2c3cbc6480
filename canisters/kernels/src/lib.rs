//! The kernels of `make bench`, row 6, as a canister without imports: each export runs one kernel.

pub mod kernels;

macro_rules! export {
    ($($name:literal => $function:ident),* $(,)?) => {
        $(
            #[unsafe(export_name = $name)]
            extern "C" fn $function() {
                std::hint::black_box(kernels::$function());
            }
        )*
    };
}

export! {
    "canister_update sha256" => sha256,
    "canister_update fib" => fib,
    "canister_update matmul" => matmul,
    "canister_update sort" => sort,
    "canister_update json" => json,
    "canister_update mandelbrot" => mandelbrot,
    "canister_update memcpy" => memcpy,
}

//! The System API's functions with their types (interface spec 0.66, "Overview of imports"): `ptr` is `I`.
//! The place in this list is the number by which [`crate::op::SYSTEM`] names a function.

macro_rules! system_functions {
    ($with:ident) => {
        $with! {
            msg_arg_data_size() -> ptr;
            msg_arg_data_copy(dst: ptr, offset: ptr, size: ptr);
            msg_caller_size() -> ptr;
            msg_caller_copy(dst: ptr, offset: ptr, size: ptr);
            msg_caller_info_data_size() -> ptr;
            msg_caller_info_data_copy(dst: ptr, offset: ptr, size: ptr);
            msg_caller_info_signer_size() -> ptr;
            msg_caller_info_signer_copy(dst: ptr, offset: ptr, size: ptr);
            msg_reject_code() -> i32;
            msg_reject_msg_size() -> ptr;
            msg_reject_msg_copy(dst: ptr, offset: ptr, size: ptr);
            msg_deadline() -> i64;
            msg_reply_data_append(src: ptr, size: ptr);
            msg_reply();
            msg_reject(src: ptr, size: ptr);
            msg_cycles_available128(dst: ptr);
            msg_cycles_refunded128(dst: ptr);
            msg_cycles_accept128(high: i64, low: i64, dst: ptr);
            cycles_burn128(high: i64, low: i64, dst: ptr);
            canister_self_size() -> ptr;
            canister_self_copy(dst: ptr, offset: ptr, size: ptr);
            canister_cycle_balance128(dst: ptr);
            canister_liquid_cycle_balance128(dst: ptr);
            canister_status() -> i32;
            canister_version() -> i64;
            subnet_self_size() -> ptr;
            subnet_self_copy(dst: ptr, offset: ptr, size: ptr);
            subnet_self_node_count() -> i32;
            msg_method_name_size() -> ptr;
            msg_method_name_copy(dst: ptr, offset: ptr, size: ptr);
            accept_message();
            call_new(callee: ptr, callee_size: ptr, name: ptr, name_size: ptr, reply_fun: ptr, reply_env: ptr,
                reject_fun: ptr, reject_env: ptr);
            call_on_cleanup(fun: ptr, env: ptr);
            call_data_append(src: ptr, size: ptr);
            call_with_best_effort_response(seconds: i32);
            call_cycles_add128(high: i64, low: i64);
            call_perform() -> i32;
            stable64_size() -> i64;
            stable64_grow(pages: i64) -> i64;
            stable64_write(offset: i64, src: i64, size: i64);
            stable64_read(dst: i64, offset: i64, size: i64);
            root_key_size() -> ptr;
            root_key_copy(dst: ptr, offset: ptr, size: ptr);
            certified_data_set(src: ptr, size: ptr);
            data_certificate_present() -> i32;
            data_certificate_size() -> ptr;
            data_certificate_copy(dst: ptr, offset: ptr, size: ptr);
            time() -> i64;
            global_timer_set(timestamp: i64) -> i64;
            performance_counter(kind: i32) -> i64;
            is_controller(src: ptr, size: ptr) -> i32;
            in_replicated_execution() -> i32;
            cost_call(name_size: i64, payload_size: i64, dst: ptr);
            cost_create_canister(dst: ptr);
            cost_http_request(request_size: i64, response_max: i64, dst: ptr);
            cost_sign_with_ecdsa(src: ptr, size: ptr, curve: i32, dst: ptr) -> i32;
            cost_sign_with_schnorr(src: ptr, size: ptr, algorithm: i32, dst: ptr) -> i32;
            cost_vetkd_derive_key(src: ptr, size: ptr, curve: i32, dst: ptr) -> i32;
            env_var_count() -> ptr;
            env_var_name_size(index: ptr) -> ptr;
            env_var_name_copy(index: ptr, dst: ptr, offset: ptr, size: ptr);
            env_var_name_exists(src: ptr, size: ptr) -> i32;
            env_var_value_size(src: ptr, size: ptr) -> ptr;
            env_var_value_copy(src: ptr, name_size: ptr, dst: ptr, offset: ptr, size: ptr);
            debug_print(src: ptr, size: ptr);
            trap(src: ptr, size: ptr);
            msg_cycles_available() -> i64;
            msg_cycles_refunded() -> i64;
            msg_cycles_accept(amount: i64) -> i64;
            canister_cycle_balance() -> i64;
            call_cycles_add(amount: i64);
            stable_size() -> i32;
            stable_grow(pages: i32) -> i32;
            stable_write(offset: i32, src: i32, size: i32);
            stable_read(dst: i32, offset: i32, size: i32);
            cost_http_request_v2(src: ptr, size: ptr, dst: ptr);
        }
    };
}

// What the canister takes and gives: identity.did, as the agent wants it.
import { IDL } from "@icp-sdk/core/candid";

export const service: IDL.InterfaceFactory = () => {
  const { Func, Nat8, Nat32, Nat64, Null, Opt, Principal, Record, Service, Text, Variant, Vec } = IDL;
  const Blob = Vec(Nat8);
  const Purpose = Variant({ recovery: Null, authentication: Null });
  const KeyType = Variant({ unknown: Null, platform: Null, cross_platform: Null, seed_phrase: Null, browser_storage_key: Null });
  const Protection = Variant({ protected: Null, unprotected: Null });
  const device = {
    pubkey: Blob, alias: Text, credential_id: Opt(Blob), purpose: Purpose, key_type: KeyType, protection: Protection, origin: Opt(Text),
  };
  const Device = Record(device);
  const Info = Record({
    devices: Vec(Record({ ...device, last_usage: Opt(Nat64), added_at: Opt(Nat64), protected_from: Opt(Nat64) })),
    device_registration: Opt(Record({ tentative_device: Opt(Device), expiration: Nat64 })),
    created_at: Opt(Nat64),
  });
  const Until = Record({ until: Nat64 });
  const Refusal = Variant({
    not_ready: Null, unauthorized: Principal, not_the_device: Principal, invalid: Text, bad_proof: Null, too_many_registrations: Until,
    canister_full: Null, already_registered: Null, too_many_devices: Record({ max: Nat8 }), no_such_device: Null, protected: Null,
    last_device: Null, device_registration_mode_off: Null, another_device_tentatively_added: Null, no_device_to_verify: Null,
    wrong_code: Record({ retries_left: Nat8 }),
  });
  const answer = (Ok: IDL.Type) => Variant({ Ok, Err: Refusal });
  const Done = answer(Null);
  const Challenge = Record({ challenge: Blob, difficulty: Nat8, expiration: Nat64 });
  const Proof = Record({ challenge: Blob, nonce: Nat64 });
  const Signed = Record({ delegation: Record({ pubkey: Blob, expiration: Nat64 }), signature: Blob });
  const Rules = Record({ per_minute: Nat32, difficulty: Nat8 });
  return Service({
    registration_challenge: Func([], [answer(Challenge)], ["query"]),
    register: Func([Device, Proof], [answer(Nat64)], []),
    add: Func([Nat64, Device], [Done], []),
    accept: Func([Nat64], [Done], []),
    update: Func([Nat64, Blob, Device], [Done], []),
    remove: Func([Nat64, Blob], [Done], []),
    forget_me: Func([Nat64], [Done], []),
    get_anchor_info: Func([Nat64], [answer(Info)], ["query"]),
    my_anchor: Func([], [Opt(Nat64)], ["query"]),
    lookup_device_key: Func([Blob], [Opt(Record({ pubkey: Blob, anchor_number: Nat64 }))], ["query"]),
    enter_device_registration_mode: Func([Nat64], [answer(Record({ secret: Text, expiration: Nat64 }))], []),
    exit_device_registration_mode: Func([Nat64], [Done], []),
    add_tentative_device: Func([Nat64, Text, Device], [answer(Record({ verification_code: Text, device_registration_timeout: Nat64 }))], []),
    verify_tentative_device: Func([Nat64, Text], [Done], []),
    get_principal: Func([Nat64, Text], [answer(Principal)], ["query"]),
    prepare_delegation: Func([Nat64, Text, Blob, Opt(Nat64)], [answer(Record({ user_key: Blob, expiration: Nat64 }))], []),
    get_delegation: Func([Nat64, Text, Blob, Nat64], [Variant({ signed_delegation: Signed, no_such_delegation: Null })], ["query"]),
    stats: Func([], [Record({ users_registered: Nat64, signatures: Nat64, registration: Rules, registered_this_minute: Nat32, difficulty: Nat8 })], ["query"]),
  });
};

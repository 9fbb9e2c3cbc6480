// Candid types of what the page asks; of records only the fields that it shows. `Reserved` reads past the rest, and an
// `Opt` around a variant makes cases that are not known here read as nothing.
import { IDL } from "@icp-sdk/core/candid";

const { Bool, Nat, Nat8, Nat32, Nat64, Null, Opt, Principal, Record, Reserved, Text, Variant, Vec } = IDL;
const Blob = Vec(Nat8);
const Result = (Ok) => Variant({ Ok, Err: Reserved });
const Account = Record({ owner: Principal, subaccount: Opt(Blob) });

const Named = Record({ canister_id: Principal, name: Text });
const Point = Record({ time_nanos: Nat64, value: Nat });
const Series = Variant({
  token_supply: Null, token_minted: Null, token_burned: Null, token_transfers: Null, cycles_supply: Null,
  cycles_minted: Null, cycles_consumed: Null, blocks: Null, instructions: Null,
  canister_balance: Principal, canister_consumed: Principal,
});
const Epoch = Record({
  timestamp_nanos: Nat64,
  node_metrics: Vec(Record({
    node_id: Principal, num_blocks_proposed_total: Nat64, num_block_failures_total: Nat64,
    num_votes_total: Opt(Nat64), num_instructions_total: Opt(Nat64),
  })),
  height: Opt(Nat64), cycles_consumed_total: Opt(Nat), instructions_total: Opt(Nat64), blocks_total: Opt(Nat64),
});
const Consumed = Record({
  memory: Nat, compute_allocation: Nat, ingress_induction: Nat, instructions: Nat,
  request_and_response_transmission: Nat, uninstall: Nat, canister_creation: Nat, http_outcalls: Nat,
  burned_cycles: Nat,
});
const CanisterView = Record({
  canister_id: Principal, name: Opt(Text), module_hash: Opt(Blob), controllers: Vec(Principal),
  status: Opt(Record({
    status: Variant({ running: Null, stopping: Null, stopped: Null }),
    cycles: Nat, reserved_cycles: Nat, idle_cycles_burned_per_day: Nat, memory_size: Nat,
  })),
  consumed: Opt(Consumed),
  frozen: Opt(Record({ reason: Text, since_nanos: Nat64 })),
  recent: Opt(Record({ cycles: Nat, seconds: Nat64 })),
});

export const explorer = {
  get_configuration: [[], Record({
    subnet_name: Text,
    canisters: Record({
      ledger: Opt(Principal), cycles_ledger: Opt(Principal), minting: Opt(Principal), registry: Opt(Principal),
      governance: Opt(Principal), rewards: Opt(Principal),
    }),
    sample_seconds: Nat64,
    watched: Vec(Named),
    tally: Record({
      next: Nat64, minted_e8s: Nat, burned_e8s: Nat, fees_e8s: Nat, transfers: Nat64, skipped: Nat64,
    }),
    points: Nat64,
  })],
  get_points: [
    [Record({ series: Series, resolution: Variant({ fine: Null, coarse: Null }), from: Opt(Nat64), limit: Nat64 })],
    Result(Record({ oldest: Nat64, end: Nat64, next: Nat64, points: Vec(Point) })),
  ],
  list_epochs: [[Record({ after_nanos: Opt(Nat64), limit: Nat64 })], Result(Vec(Epoch))],
  list_canisters: [
    [Record({ after: Opt(Principal), limit: Nat64 })],
    Result(Record({ total: Nat64, partial: Opt(Text), canisters: Vec(CanisterView), next: Opt(Principal) })),
  ],
  list_sources: [[], Vec(Record({ name: Text, answered_at_nanos: Opt(Nat64), error: Opt(Text) }))],
};

const Member = Record({ name: Text, node_id: Principal, address: Text });
export const subnet = {
  atoll_membership: [[], Record({
    version: Nat64, epoch: Nat64, dealing: Bool, changes_max: Nat64, members: Vec(Member), next: Vec(Member),
  })],
};

export const ledger = {
  icrc1_symbol: [[], Text],
  icrc1_name: [[], Text],
  icrc1_total_supply: [[], Nat],
  icrc1_fee: [[], Nat],
};

export const minting = {
  get_icp_xdr_conversion_rate: [[], Record({
    data: Record({ timestamp_seconds: Nat64, xdr_permyriad_per_icp: Nat64 }),
  })],
  total_cycles_minted: [[], Nat],
};

const Voter = Variant({ Neuron: Nat64, Operator: Principal });
const Action = Variant({
  Motion: Null,
  SetConversionRate: Record({ xdr_permyriad_per_icp: Nat64 }),
  SetPrices: Reserved,
  SetRewardParameters: Record({ period_seconds: Opt(Nat64), share_permille: Opt(Nat32) }),
  SetParameters: Reserved,
  AddNode: Record({ node: Record({ name: Text, address: Text }), operator: Principal }),
  RemoveNode: Record({ node_id: Principal }),
  ReplaceNode: Record({ leaving: Principal, node: Record({ name: Text, address: Text }) }),
  AssignNode: Record({ node_id: Principal, operator: Opt(Principal) }),
  AddOperator: Record({ operator: Principal, name: Text }),
  UpdateOperator: Record({ operator: Principal }),
  AddDataCenter: Record({ id: Text, region: Text }),
  SetReplicaVersion: Record({ version: Text }),
  UpgradeCanister: Record({ canister_id: Principal, sha256: Blob }),
  FreezeCanister: Record({ canister_id: Principal, reason: Text }),
  UnfreezeCanister: Record({ canister_id: Principal }),
});
const Proposal = Record({
  id: Nat64,
  proposer: Opt(Voter),
  proposal: Record({ title: Text, summary: Text, url: Text, action: Opt(Action) }),
  status: Opt(Variant({
    Open: Null, Rejected: Null, Adopted: Null, Executing: Null, Executed: Null, Failed: Record({ reason: Text }),
  })),
  tally: Record({ yes: Nat, no: Nat, total: Nat }),
  quorum_permille: Nat32,
  threshold_permille: Nat32,
  created_seconds: Nat64,
  deadline_seconds: Nat64,
  decided_seconds: Opt(Nat64),
  ended_seconds: Opt(Nat64),
});
export const governance = {
  get_status: [[], Record({
    neurons: Nat64, proposals: Nat64, open_proposals: Nat64, stake_e8s: Nat, voting_power: Nat,
  })],
  get_voters: [[], Opt(Variant({ Neurons: Null, Operators: Null }))],
  list_proposals: [[Record({ before: Opt(Nat64), open_only: Bool, limit: Nat32 })], Vec(Proposal)],
};

export const registry = {
  get_registry_version: [[], Nat64],
  get_subnet: [[], Record({
    subnet_id: Principal,
    governance: Principal,
    subnet: Record({
      replica_version: Opt(Record({ version: Text, sha256: Blob })), membership_version: Nat64,
    }),
    read_nanos: Nat64, epoch: Nat64, dealing: Bool, changes_max: Nat64,
  })],
  list_data_centers: [[], Vec(Record({ id: Text, region: Text, owner: Text }))],
  list_operators: [[], Vec(Record({
    operator: Principal, name: Text, data_center: Text, reward_account: Opt(Account),
  }))],
  list_nodes: [[], Vec(Record({
    node_id: Principal,
    card: Record({ name: Text, address: Text }),
    operator: Opt(Principal),
    status: Opt(Variant({ Joining: Null, Member: Null, Leaving: Null, Gone: Null })),
  }))],
  get_changes: [[Nat64, Nat64], Record({
    changes: Vec(Record({ version: Nat64, timestamp_nanos: Nat64, proposal: Opt(Nat64), what: Text })),
    oldest: Nat64, newest: Nat64,
  })],
};

const Moment = Record({ timestamp_nanos: Nat64, height: Nat64, cycles_consumed_total: Nat });
const Statement = Record({
  index: Nat64,
  inputs: Record({
    from: Moment, to: Moment, xdr_permyriad_per_icp: Nat64, share_permille: Nat32,
    nodes: Vec(Record({
      node_id: Principal, proposed: Nat64, failures: Nat64, votes: Nat64, blocks: Nat64, instructions: Nat64,
      operator: Opt(Principal),
    })),
  }),
  cycles_consumed: Nat,
  pot_e8s: Nat64,
  nodes: Vec(Record({ node_id: Principal, work: Nat64, full_e8s: Nat64, factor_ppm: Nat32, e8s: Nat64 })),
  operators: Vec(Record({ operator: Principal, e8s: Nat64 })),
  total_e8s: Nat64,
});
const StatementView = Record({
  statement: Statement,
  hash: Blob,
  payments: Vec(Opt(Variant({
    Pending: Opt(Text), Sent: Record({ created_at_time: Nat64 }), Paid: Record({ block_index: Nat }), Unknown: Null,
    Refused: Text,
  }))),
});
export const rewards = {
  get_status: [[], Record({
    statements: Nat64, oldest: Nat64, from_nanos: Nat64, pending_payments: Nat64, minted_e8s: Nat,
    last_error: Opt(Text),
  })],
  get_parameters: [[], Record({ period_seconds: Nat64, share_permille: Nat32 })],
  list_statements: [[Nat64, Nat64], Vec(StatementView)],
};

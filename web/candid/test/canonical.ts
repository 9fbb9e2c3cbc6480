// An interface as plain JSON, in the one form in which another reader's can be compared with it (tests/candid.rs).
import type { Json } from "../src/json";
import type { Field, Func, Interface, Type } from "../src/did/type";

const func = ({ args, results, mode }: Func): Json =>
  ({ func: [args.map((it) => plain(it.type)), results.map((it) => plain(it.type)), mode ?? null] });

/** By their numbers. */
const fields = (list: Field[]): Json =>
  [...list].sort((one, other) => one.id - other.id).map(({ id, name, type }) => [id, name ?? null, plain(type)]);

function plain(type: Type): Json {
  switch (type.kind) {
    case "name": return { name: type.name };
    case "opt": case "vec": return { [type.kind]: plain(type.of) };
    case "record": case "variant": return { [type.kind]: fields(type.fields) };
    case "func": return func(type);
    case "service": return { service: sorted(type.methods.map(({ name, type: of }) => [name, plain(of)])) };
    default: return type.kind;
  }
}

/** By the bytes of their names. */
const sorted = (list: [string, Json][]): Json[] => list.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

export const canonical = (book: Interface): Json => ({
  types: sorted([...book.types].map(([name, type]) => [name, plain(type)])),
  init: book.init.map(({ type }) => plain(type)),
  methods: sorted(book.methods().map((method) => [method.name, func(method)])),
});

// The types of an interface as `@icp-sdk/core/candid` knows them, which writes and reads the bytes.
//
// Values are those of that library: `[]` or `[value]` for opt, one key for a variant, an array for a tuple, bytes for a blob.
import { IDL } from "@icp-sdk/core/candid";
import { isTuple, type Argument, type Field, type Func, type Interface, type Simple, type Type } from "./did/type";

/**
 * The library keeps types apart by their whole text, in which a type that is used twice stands twice: a few lines could
 * make a text that no memory holds.
 */
const WEIGHT_MAX = 200_000;

interface Built {
  idl: IDL.Type;
  weight: number;
}

const SIMPLE: Record<Simple, IDL.Type> = {
  nat: IDL.Nat, nat8: IDL.Nat8, nat16: IDL.Nat16, nat32: IDL.Nat32, nat64: IDL.Nat64,
  int: IDL.Int, int8: IDL.Int8, int16: IDL.Int16, int32: IDL.Int32, int64: IDL.Int64,
  float32: IDL.Float32, float64: IDL.Float64,
  bool: IDL.Bool, text: IDL.Text, null: IDL.Null, reserved: IDL.Reserved, empty: IDL.Empty, principal: IDL.Principal,
};

/** What a field is called in values. The library takes `_7_` for the number 7, whoever means a name by it. */
export const key = ({ id, name }: Pick<Field, "id" | "name">): string =>
  name === undefined || /^_(\d+|0x[0-9a-fA-F]+)_$/.test(name) || name === "__proto__" ? `_${id}_` : name;

export class Builder {
  private readonly done = new Map<string, Built>();
  /** Names whose types are being built, and what stands for them where they are in themselves. */
  private readonly begun = new Map<string, IDL.RecClass | undefined>();

  constructor(private readonly of: Interface) {}

  type(type: Type): IDL.Type {
    return this.build(type).idl;
  }

  types(list: Argument[]): IDL.Type[] {
    return list.map(({ type }) => this.type(type));
  }

  private made(idl: IDL.Type, inner: Built[], own = 1): Built {
    const weight = inner.reduce((sum, it) => sum + it.weight, own);
    if (weight > WEIGHT_MAX) throw new Error("This type is too large when it is written out.");
    return { idl, weight };
  }

  private build(type: Type): Built {
    switch (type.kind) {
      case "name": return this.named(type.name);
      case "opt": case "vec": {
        const of = this.build(type.of);
        return this.made(type.kind === "opt" ? IDL.Opt(of.idl) : IDL.Vec(of.idl), [of]);
      }
      case "record": return this.record(type.fields);
      case "variant": {
        const { fields, inner, own } = this.fields(type.fields);
        return this.made(IDL.Variant(fields), inner, own);
      }
      case "func": return this.func(type);
      case "service": return this.service(type.methods.map(({ name, type: it }) => [name, this.of.real(it) as Func]));
      default: return { idl: SIMPLE[type.kind], weight: 1 };
    }
  }

  private named(name: string): Built {
    const done = this.done.get(name);
    if (done) return done;
    if (this.begun.has(name)) {
      const knot = this.begun.get(name) ?? IDL.Rec();
      this.begun.set(name, knot);
      return { idl: knot, weight: 1 };
    }
    this.begun.set(name, undefined);
    const built = this.build(this.of.types.get(name)!);
    const knot = this.begun.get(name);
    this.begun.delete(name);
    knot?.fill(built.idl as IDL.ConstructType);
    const whole = knot ? { idl: knot, weight: 1 } : built;
    this.done.set(name, whole);
    return whole;
  }

  private record(list: Field[]): Built {
    const { fields, inner, own } = this.fields(list);
    return this.made(isTuple(list) ? IDL.Tuple(...inner.map(({ idl }) => idl)) : IDL.Record(fields), inner, own);
  }

  private fields(list: Field[]) {
    const inner = list.map(({ type }) => this.build(type));
    const fields = Object.fromEntries(list.map((field, index) => [key(field), inner[index]!.idl]));
    return { fields, inner, own: list.reduce((sum, field) => sum + key(field).length, 1) };
  }

  private func({ args, results, mode }: Func): Built {
    const [taken, given] = [args, results].map((list) => list.map(({ type }) => this.build(type))) as [Built[], Built[]];
    const idl = IDL.Func(taken.map((it) => it.idl) as never, given.map((it) => it.idl) as never, mode ? [mode] : []);
    return this.made(idl as unknown as IDL.Type, [...taken, ...given]);
  }

  private service(methods: [string, Func][]): Built {
    const inner = methods.map(([, func]) => this.func(func));
    const fields = Object.fromEntries(methods.map(([name], index) => [name, inner[index]!.idl as never]));
    return this.made(IDL.Service(fields) as unknown as IDL.Type, inner, methods.reduce((sum, [name]) => sum + name.length, 1));
  }
}


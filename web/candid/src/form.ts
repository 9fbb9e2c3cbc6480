// Forms of drafts. A control changes its draft where it stands; what has another shape afterwards is drawn anew.
import { BLOB_BYTES_MAX, ITEMS_MAX, blank, choose, read, type Draft, type Problem } from "./draft";
import { brief, isTuple, type Argument, type Field, type Interface, type Type } from "./did/type";
import { size } from "./bytes";
import { button, fresh, h, replace } from "./dom";
import type { Value } from "./json";
import { isFloat } from "./number";

interface Place {
  control: HTMLElement;
  note: HTMLElement;
}

/** What a control is called, and what may be said of it. */
interface Called {
  name: string;
  type: string;
  docs?: string;
}

type Of<K extends Draft["kind"]> = Draft & { kind: K };

const nameOf = (fields: Field[], index: number): string => {
  const { id, name } = fields[index]!;
  return isTuple(fields) ? `Part ${index + 1}` : name ?? `Field ${id}`;
};

export class Form {
  private readonly places = new WeakMap<Draft, Place>();
  private wrong: Place[] = [];
  readonly element: HTMLElement;

  constructor(private readonly book: Interface, args: Argument[], readonly drafts: Draft[]) {
    this.element = h("div", { class: "fields" }, args.map(({ name, type }, index) =>
      this.control(drafts[index]!, { name: name ?? (args.length === 1 ? "Argument" : `Argument ${index + 1}`), type: brief(type) })));
  }

  /** The values, or nothing where something is missing or wrong, which is then said where it is. */
  values(): Value[] | undefined {
    this.wrong.forEach(({ control, note }) => {
      control.removeAttribute("aria-invalid");
      note.textContent = "";
    });
    const problems: Problem[] = [];
    const values = this.drafts.map((draft) => read(draft, problems));
    if (problems.length === 0) return values;
    this.wrong = problems.flatMap(({ draft, text }) => {
      const place = this.places.get(draft);
      if (!place) return [];
      place.note.textContent = text;
      place.control.setAttribute("aria-invalid", "true");
      return [place];
    });
    this.wrong[0]?.control.focus();
    return undefined;
  }

  /** The values if nothing is missing or wrong; nothing is said. */
  complete(): Value[] | undefined {
    const problems: Problem[] = [];
    const values = this.drafts.map((draft) => read(draft, problems));
    return problems.length === 0 ? values : undefined;
  }

  /** How many places are wrong. */
  get problems(): number {
    return this.wrong.length;
  }

  private note(draft: Draft, control: HTMLElement): HTMLElement {
    const note = h("p", { class: "problem", id: fresh() });
    control.setAttribute("aria-describedby", note.id);
    this.places.set(draft, { control, note });
    return note;
  }

  private label({ name, type, docs }: Called, control: HTMLElement): HTMLElement {
    control.id = fresh();
    return h("div", { class: "label" }, h("label", { for: control.id }, name, " ", h("small", {}, type)), docs && h("p", { class: "docs" }, docs));
  }

  private legend({ name, type, docs }: Called): HTMLElement[] {
    return [h("legend", {}, name, " ", h("small", {}, type)), ...(docs ? [h("p", { class: "docs" }, docs)] : [])];
  }

  private control(draft: Draft, called: Called): HTMLElement {
    switch (draft.kind) {
      case "line": return this.line(draft, called);
      case "check": return this.check(draft, called);
      case "nothing": return h("p", { class: "fixed" }, called.name, " ", h("small", {}, `${called.type}: nothing to say`));
      case "never": return this.never(draft, called);
      case "opt": return this.opt(draft, called);
      case "vec": return this.vec(draft, called);
      case "blob": return this.blob(draft, called);
      case "record": return this.record(draft, called);
      case "variant": return this.variant(draft, called);
      case "func": return this.func(draft, called);
    }
  }

  private input(text: string, change: (text: string) => void, attributes: Record<string, unknown> = {}): HTMLInputElement {
    const input = h("input", { type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", ...attributes });
    input.value = text;
    input.addEventListener("input", () => change(input.value));
    return input;
  }

  private area(text: string, change: (text: string) => void, attributes: Record<string, unknown> = {}): HTMLTextAreaElement {
    const area = h("textarea", { rows: Math.min(8, text.split("\n").length), autocomplete: "off", ...attributes });
    area.value = text;
    area.addEventListener("input", () => change(area.value));
    return area;
  }

  private line(draft: Of<"line">, called: Called): HTMLElement {
    const change = (text: string) => { draft.text = text; };
    const isText = draft.of === "text";
    const isName = draft.of === "principal" || draft.of === "service";
    const mode = isText || isName ? undefined : isFloat(draft.of as never) ? "decimal" : draft.of.startsWith("nat") ? "numeric" : "text";
    const control = isText ? this.area(draft.text, change) : this.input(draft.text, change, { inputmode: mode, placeholder: isName ? "aaaaa-aa" : undefined });
    return h("div", { class: "field" }, this.label(called, control), control, this.note(draft, control));
  }

  private check(draft: Of<"check">, { name, type, docs }: Called): HTMLElement {
    const control = h("input", { type: "checkbox", onchange: () => { draft.on = control.checked; } });
    control.checked = draft.on;
    return h("div", { class: "field" }, h("label", { class: "check" }, control, h("span", {}, name, " ", h("small", {}, type))), docs && h("p", { class: "docs" }, docs));
  }

  private never(draft: Of<"never">, { name, type }: Called): HTMLElement {
    const control = h("p", { class: "fixed", tabindex: "-1" }, name, " ", h("small", {}, type));
    return h("div", { class: "field" }, control, this.note(draft, control));
  }

  private opt(draft: Of<"opt">, called: Called): HTMLElement {
    const inner = h("div", { class: "inner" });
    const draw = () => replace(inner, draft.inner && this.control(draft.inner, { name: `Value of ${called.name}`, type: brief(draft.of) }));
    const control = h("input", { type: "checkbox", onchange: () => {
      draft.inner = control.checked ? blank(this.book, draft.of) : undefined;
      draw();
    } });
    control.checked = draft.inner !== undefined;
    draw();
    const words = h("span", {}, called.name, " ", h("small", {}, `${called.type}, left out unless ticked`));
    return h("div", { class: "field" }, h("label", { class: "check" }, control, words), called.docs && h("p", { class: "docs" }, called.docs), inner);
  }

  private vec(draft: Of<"vec">, called: Called): HTMLElement {
    const list = h("ol", { class: "items" });
    const count = h("p", { class: "soft", role: "status" });
    const add = button(`Add to ${called.name}`, () => {
      draft.items.push(blank(this.book, draft.of));
      draw();
      list.lastElementChild?.querySelector<HTMLElement>("input, textarea, select, button")?.focus();
    }, { class: "small" });
    const remove = (index: number) => {
      draft.items.splice(index, 1);
      draw();
      add.focus();
    };
    const draw = () => {
      replace(list, draft.items.map((item, index) => h("li", {},
        this.control(item, { name: `Item ${index + 1}`, type: brief(draft.of) }),
        button("Remove", () => remove(index), { class: "small", "aria-label": `Remove item ${index + 1} of ${called.name}` }))));
      count.textContent = draft.items.length === 0 ? "No items" : draft.items.length === 1 ? "1 item" : `${draft.items.length} items`;
      add.disabled = draft.items.length >= ITEMS_MAX;
    };
    draw();
    return h("fieldset", {}, this.legend(called), count, list, add);
  }

  private blob(draft: Of<"blob">, called: Called): HTMLElement {
    const place = h("div", {});
    const draw = () => {
      const control = draft.from === "file" ? this.file(draft, called.name) : this.area(draft.text, (text) => { draft.text = text; }, {
        "aria-label": `${called.name} as ${draft.from === "hex" ? "hexadecimal digits" : "text"}`, class: draft.from === "hex" && "code", spellcheck: "false",
      });
      replace(place, control, draft.file && draft.from === "file" && h("p", { class: "soft" }, `${draft.file.name}, ${size(draft.file.bytes.length)}`), this.note(draft, control));
    };
    const choices = { text: "Text (UTF-8)", hex: "Hexadecimal digits", file: "A file" };
    const select = h("select", { "aria-label": `How ${called.name} is given`, onchange: () => {
      draft.from = select.value as typeof draft.from;
      draw();
    } }, Object.entries(choices).map(([value, text]) => h("option", { value, selected: value === draft.from }, text)));
    draw();
    return h("fieldset", {}, this.legend(called), select, place);
  }

  private file(draft: Of<"blob">, name: string): HTMLInputElement {
    const control = h("input", { type: "file", "aria-label": `File for ${name}`, onchange: async () => {
      const [file] = control.files ?? [];
      const place = this.places.get(draft)!;
      draft.file = undefined;
      if (!file) return;
      if (file.size > BLOB_BYTES_MAX) place.note.textContent = `${file.name} has ${size(file.size)}; a call carries ${size(BLOB_BYTES_MAX)} at most.`;
      else {
        const bytes = new Uint8Array(await file.arrayBuffer());
        draft.file = { name: file.name, bytes };
        place.note.textContent = "";
      }
    } });
    return control;
  }

  private record(draft: Of<"record">, called: Called): HTMLElement {
    const fields = draft.fields.map((field, index) =>
      this.control(draft.drafts[index]!, { name: nameOf(draft.fields, index), type: brief(field.type), docs: field.docs }));
    return h("fieldset", {}, this.legend(called), fields.length === 0 ? h("p", { class: "soft" }, "It has no fields.") : fields);
  }

  private variant(draft: Of<"variant">, called: Called): HTMLElement {
    const inner = h("div", { class: "inner" });
    const draw = () => {
      const field = draft.chosen === undefined ? undefined : draft.fields[draft.chosen];
      const shown = field && draft.inner && draft.inner.kind !== "nothing";
      replace(inner, shown && this.control(draft.inner!, { name: nameOf(draft.fields, draft.chosen!), type: brief(field.type), docs: field.docs }));
    };
    const control = h("select", { onchange: () => {
      choose(this.book, draft, control.value === "" ? undefined : Number(control.value));
      draw();
    } }, h("option", { value: "" }, "Choose…"), draft.fields.map((_, index) => h("option", { value: index }, nameOf(draft.fields, index))));
    control.value = draft.chosen === undefined ? "" : String(draft.chosen);
    draw();
    return h("div", { class: "field" }, this.label(called, control), control, this.note(draft, control), inner);
  }

  private func(draft: Of<"func">, called: Called): HTMLElement {
    const canister = this.input(draft.canister, (text) => { draft.canister = text; }, { placeholder: "aaaaa-aa" });
    const method = this.input(draft.method, (text) => { draft.method = text; });
    return h("fieldset", {}, this.legend(called),
      h("div", { class: "field" }, this.label({ name: "Canister", type: "principal" }, canister), canister, this.note(draft, canister)),
      h("div", { class: "field" }, this.label({ name: "Method", type: "text" }, method), method));
  }
}

/** The forms of arguments that nobody has filled in yet. */
export const blanks = (book: Interface, args: { type: Type }[]): Draft[] => args.map(({ type }) => blank(book, type));

/** Who is next: a binary heap over (when, what), so that thousands of bots cost no more to step than a few. */
interface Entry<T> {
  at: number;
  item: T;
}

export class Agenda<T> {
  readonly #heap: Entry<T>[] = [];
  /** When each thing is really due: entries of the heap that say otherwise are out of date. */
  readonly #due = new Map<T, number>();

  /** @param at ms; Infinity: not at all */
  set(item: T, at: number): void {
    if (this.#due.get(item) === at) return;
    if (!Number.isFinite(at)) {
      this.#due.delete(item);
      return;
    }
    this.#due.set(item, at);
    this.#heap.push({ at, item });
    this.#rise(this.#heap.length - 1);
  }

  /** When the next thing is due; Infinity where there is none. */
  next(): number {
    this.#dropStale();
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Takes one thing that is due, in order. */
  takeDue(now: number): T | undefined {
    if (this.next() > now) return undefined;
    const entry = this.#pop();
    if (entry) this.#due.delete(entry.item);
    return entry?.item;
  }

  #dropStale(): void {
    for (let top = this.#heap[0]; top && this.#due.get(top.item) !== top.at; top = this.#heap[0]) this.#pop();
  }

  #pop(): Entry<T> | undefined {
    const [top] = this.#heap;
    const last = this.#heap.pop();
    if (last && this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink();
    }
    return top;
  }

  #rise(from: number): void {
    const heap = this.#heap;
    for (let index = from; index > 0; ) {
      const parent = (index - 1) >> 1;
      if (this.#at(parent) <= this.#at(index)) return;
      swap(heap, parent, index);
      index = parent;
    }
  }

  #sink(): void {
    const heap = this.#heap;
    for (let index = 0; ; ) {
      const left = 2 * index + 1;
      const child = this.#at(left + 1) < this.#at(left) ? left + 1 : left;
      if (this.#at(child) >= this.#at(index)) return;
      swap(heap, child, index);
      index = child;
    }
  }

  #at(index: number): number {
    return this.#heap[index]?.at ?? Number.POSITIVE_INFINITY;
  }
}

function swap<T>(list: T[], a: number, b: number): void {
  const [first, second] = [list[a], list[b]];
  if (first === undefined || second === undefined) return;
  list[a] = second;
  list[b] = first;
}

// Which records are chosen: by id, or all that the filter finds.
import { useMemo, useRef, useState } from 'react';

export interface Selection {
  ids: Set<number>; all: boolean; some: boolean; has: (id: number) => boolean;
  toggle: (id: number, range: boolean) => void; add: (id: number) => void; set: (ids: number[]) => void; everything: () => void; clear: () => void;
}
/** `order`: the ids as they stand on the screen, for a range. */
export function useSelection(order: number[]): Selection {
  const [ids, setIds] = useState<Set<number>>(new Set());
  const [all, setAll] = useState(false);
  const last = useRef<number | null>(null);
  return useMemo(() => ({
    ids, all, some: all || ids.size > 0,
    has: (id) => all || ids.has(id),
    toggle(id, range) {
      // one taken out of all: the rest of what is loaded stays
      const next = new Set(all ? order : ids);
      const a = last.current === null ? -1 : order.indexOf(last.current), b = order.indexOf(id);
      if (range && a >= 0 && b >= 0) for (const x of order.slice(Math.min(a, b), Math.max(a, b) + 1)) next.add(x);
      else if (next.has(id)) next.delete(id); else next.add(id);
      last.current = id;
      setAll(false);
      setIds(next);
    },
    add(id) { last.current = id; setIds((old) => new Set(old).add(id)); },
    set(list) { setAll(false); setIds(new Set(list)); },
    everything() { setAll(true); },
    clear() { setAll(false); setIds((old) => (old.size ? new Set() : old)); last.current = null; },
  }), [ids, all, order]);
}

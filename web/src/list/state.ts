// What a list shows stands in the address: a saved view, and where it has been changed, how.
import { useLocalStorage } from '@mantine/hooks';
import { useMemo } from 'react';
import { useLocation, useSearch } from 'wouter';
import type { Entity } from '../meta/meta';
import { KEYS, PLAIN, useViews, type Look, type View } from '../views/views';

export interface ListState {
  ready: boolean; views: View[];
  /** the saved view that is open, if any */
  view: View | undefined;
  look: Look; changed: boolean; q: string; params: URLSearchParams;
  /** Puts some of the look into the address; what equals the view is left out. */
  change: (patch: Partial<Look>, replace?: boolean) => void;
  /** What no view keeps: the search, a dialog, a place. */
  set: (changes: Record<string, string | null>, replace?: boolean) => void;
  open: (view: View | null) => void;
  /** Neither filter nor search. */
  clear: () => void;
  hrefOf: (patch: Partial<Look>, q?: string) => string;
}

export function useListState(e: Entity): ListState {
  const search = useSearch();
  const [path, go] = useLocation();
  const { ready, views } = useViews(e);
  // the columns of the list that no view keeps are remembered in this browser
  const [own, setOwn] = useLocalStorage<string>({ key: `kith-cols-${e.name}`, defaultValue: '', getInitialValueInEffect: false });
  return useMemo(() => {
    const params = new URLSearchParams(search);
    const asked = params.get('view');
    const first = views.find((v) => v.first && v.mine) ?? views.find((v) => v.first);
    const bare = !KEYS.some((k) => params.has(k)) && !params.get('q');
    const view = asked ? views.find((v) => String(v.id) === asked) : bare ? first : undefined;
    const base: Look = view?.look ?? { ...PLAIN, cols: own };
    const look = Object.fromEntries(KEYS.map((k) => [k, params.get(k) ?? base[k]])) as Look;
    const address = (p: URLSearchParams) => { const tail = p.toString(); return path + (tail ? '?' + tail : ''); };
    const withLook = (patch: Partial<Look>) => {
      const next = new URLSearchParams(search);
      if (view) next.set('view', String(view.id));
      for (const k of KEYS) {
        const value = patch[k] ?? look[k];
        if (value === base[k]) next.delete(k); else next.set(k, value);
      }
      // an address that says nothing would open the default view
      if (!view && first && !KEYS.some((k) => next.has(k))) next.set('view', '0');
      next.delete('from');
      return next;
    };
    return {
      ready, views, view, look, params, q: params.get('q') ?? '',
      changed: KEYS.some((k) => k !== 'cols' ? look[k] !== base[k] : view ? look.cols !== base.cols : false),
      change(patch, replace = false) {
        if (!view && patch.cols !== undefined && !params.has('cols')) { setOwn(patch.cols); const { cols: _, ...rest } = patch; if (Object.keys(rest).length === 0) return; patch = rest; }
        go(address(withLook(patch)), { replace });
      },
      set(changes, replace = false) {
        const next = new URLSearchParams(search);
        for (const [k, v] of Object.entries(changes)) if (v) next.set(k, v); else next.delete(k);
        if (view && !asked) next.set('view', String(view.id));
        go(address(next), { replace });
      },
      clear() { const next = withLook({ where: '' }); next.delete('q'); go(address(next)); },
      open(v) { go(path + (v ? `?view=${v.id}` : first ? '?view=0' : '')); },
      hrefOf(patch, q) {
        const next = withLook(patch);
        next.delete('at');
        if (q !== undefined) { if (q) next.set('q', q); else next.delete('q'); }
        return address(next);
      },
    };
  }, [search, path, views, ready, own, go, setOwn]);
}

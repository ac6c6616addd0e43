import { useEffect, useState, type ComponentType, type ReactNode } from 'react';

// those that are wanted soon, until the first page stands
let wanted: (() => void)[] | null = [];
/** The first page is there: what is wanted soon is fetched when there is nothing else to do. */
export const beginFetching = () => setTimeout(() => { wanted?.forEach((f) => f()); wanted = null; }, 2000);

export type Later<P> = ComponentType<P & { waiting?: ReactNode }>;

/** A part of the application that is fetched when it is first drawn, `waiting` in its place until then; one that is wanted
 * soon already when there is nothing else to do. Not React's lazy: that draws the place holder even for what is there, and
 * keeps it for 300 ms. */
export function later<P extends object>(load: () => Promise<{ default: ComponentType<P> }>, when?: 'soon'): Later<P> {
  let here: ComponentType<P> | undefined;
  const fetched = () => load().then((m) => { here = m.default; });
  const ahead = () => void fetched().catch(() => {});
  if (when && wanted) wanted.push(ahead); else if (when) setTimeout(ahead, 500);
  return function Part({ waiting, ...p }) {
    const [part, setPart] = useState(() => here);
    const [error, setError] = useState<unknown>(null);
    useEffect(() => {
      if (part) return;
      let gone = false;
      fetched().then(() => { if (!gone) setPart(() => here); }, (x: unknown) => { if (!gone) setError(x); });
      return () => { gone = true; };
    }, [part]);
    if (error) throw error;
    const It = part as ComponentType<object> | undefined;
    return It ? <It {...p} /> : waiting ?? null;
  };
}

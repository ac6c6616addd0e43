// What opens below a button: anything, or a menu. Until it opens for the first time there is the button alone: a record has
// one of these for each field, a board one for each card.
import { cloneElement, useId, useRef, useState, type ReactElement, type ReactNode } from 'react';
import { later } from './later';

const Box = later(async () => ({ default: (await import('./Dropped')).Box }), 'soon');
const List = later(async () => ({ default: (await import('./Dropped')).List }), 'soon');

export type Side = 'bottom-start' | 'bottom-end' | 'top';
/** A line of a menu. */
export type Line = { label: string; run?: () => void; href?: string; download?: string; disabled?: boolean; title?: string } | { head: string } | 'rule';
/** The button: an element that takes a ref and passes on what it does not know. */
type Target = ReactElement<Record<string, unknown>>;

function useTarget(target: Target, opened: boolean, kind: 'dialog' | 'menu', more: Record<string, unknown> = {}) {
  const id = useId();
  const on = useRef<HTMLElement>(null);
  const [ever, setEver] = useState(opened);
  if (opened && !ever) setEver(true);
  const button = cloneElement(target, { ref: on, id: id + '-target', 'aria-haspopup': kind, 'aria-expanded': opened, 'aria-controls': opened ? id + '-dropdown' : undefined, ...more });
  return { id, on, ever, button };
}

interface DropProps { opened: boolean; onClose: () => void; /** in words, for who does not see it */ label: string; target: Target; side?: Side; width: number; tight?: boolean; /** nothing in it takes the focus */ still?: boolean; children: ReactNode }
export function Drop({ opened, onClose, target, ...rest }: DropProps) {
  const { button, ever, ...at } = useTarget(target, opened, 'dialog');
  return <>{button}{ever && <Box {...at} {...rest} opened={opened} onClose={onClose} />}</>;
}

/** `opened` and `onChange` where something else opens it too. */
export function Menu({ target, lines, side = 'bottom-end', opened, onChange }: { target: Target; lines: Line[]; side?: Side; opened?: boolean; onChange?: (open: boolean) => void }) {
  const [own, setOwn] = useState(false);
  const open = opened ?? own, set = onChange ?? setOwn;
  const { button, ever, ...at } = useTarget(target, open, 'menu', { onClick: () => set(!open) });
  return <>{button}{ever && <List {...at} lines={lines} side={side} opened={open} onClose={() => set(false)} />}</>;
}

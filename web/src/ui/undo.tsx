// What can be taken back: a message with a button, and Ctrl+Z for the last of them.
import { Button } from '@mantine/core';
import { useEffect, type ReactNode } from 'react';
import { t } from '../locale/t';
import { later } from './later';

interface Step { key: string; undo: () => Promise<unknown> }
let steps: Step[] = [];
let made = 0;

const notes = () => import('@mantine/notifications');
/** Where messages stand; one that is said before it is there waits for it. */
export const Messages = later(async () => ({ default: (await notes()).Notifications }), 'soon');
export const unsay = (id: string) => void notes().then((m) => m.notifications.hide(id), () => {});

/** What went wrong stays until it is closed, what can be taken back for a while, the rest as long as it takes to read. */
export const say = (id: string, message: ReactNode, more: { red?: boolean; stays?: boolean; long?: boolean } = {}) => {
  const all = { id, message, color: more.red ? 'red' : 'gray', autoClose: more.stays || more.red ? false as const : more.long ? 10_000 : 6000, withCloseButton: true, closeButtonProps: { 'aria-label': t('close') } };
  // one that is already there is changed in place
  void notes().then((m) => { m.notifications.update(all); m.notifications.show(all); }, () => {});
};
export const sayError = (x: unknown, id = 'problem') => say(id, x instanceof Error ? x.message : String(x), { red: true });

async function take(key: string) {
  const step = steps.find((s) => s.key === key);
  if (!step) return;
  steps = steps.filter((s) => s !== step);
  try {
    await step.undo();
    unsay(key);
  } catch (x) {
    sayError(x, key);
  }
}

/** Offers to take something back. Without a message only Ctrl+Z does. Returns the id of the message. */
export function undoable(message: string | null, undo: () => Promise<unknown>, id?: string): string {
  const key = id ?? `undo-${++made}`;
  steps = [...steps.filter((s) => s.key !== key), { key, undo }].slice(-20);
  if (message !== null) say(key, <span className="toast"><span className="grow">{message}</span><Button size="compact-sm" variant="default" onClick={() => void take(key)}>{t('undo')}</Button></span>, { long: true });
  return key;
}

/** Takes back the last of them, as Ctrl+Z does. */
export const undoLast = () => { const last = steps[steps.length - 1]; if (last) void take(last.key); };

export function useUndoKey() {
  useEffect(() => {
    const f = (ev: KeyboardEvent) => {
      const typing = (ev.target as HTMLElement | null)?.closest?.('input, textarea, [contenteditable]');
      const last = steps[steps.length - 1];
      if ((ev.ctrlKey || ev.metaKey) && !ev.shiftKey && ev.key === 'z' && !typing && last) { ev.preventDefault(); void take(last.key); }
    };
    document.addEventListener('keydown', f);
    return () => document.removeEventListener('keydown', f);
  }, []);
}

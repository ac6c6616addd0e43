// What was typed and not sent: it outlives leaving the page and a reload, in this tab alone, until it is sent, dropped, or its
// user signs out.
import { useRef, useState } from 'react';
import { useMeta } from '../meta/meta';

const KEY = 'kith-draft ';

export interface Draft<T> { read(): T | undefined; write(value: T | undefined): void }

export function draftOf<T>(user: number, what: string): Draft<T> {
  const key = `${KEY}${user} ${what}`;
  return {
    read() { try { const text = sessionStorage.getItem(key); return text ? JSON.parse(text) as T : undefined; } catch { return undefined; } },
    write(value) { try { if (value === undefined) sessionStorage.removeItem(key); else sessionStorage.setItem(key, JSON.stringify(value)); } catch { /* no room, or no storage: it holds for this page */ } },
  };
}

/** The draft of a form, as state: undefined while nothing of it was typed. */
export function useDraft<T>(what: string): [T | undefined, (change: (old: T | undefined) => T | undefined) => void] {
  const draft = draftOf<T>(useMeta().raw.user.id, what);
  const [, anew] = useState(0);
  // written at once, and not as React comes to it: what sends or drops it may close the form
  const now = useRef({ what: '', value: undefined as T | undefined });
  if (now.current.what !== what) now.current = { what, value: draft.read() };
  return [now.current.value, (change) => {
    now.current.value = change(now.current.value);
    draft.write(now.current.value);
    anew((n) => n + 1);
  }];
}

export function dropDrafts() {
  try { for (const key of Object.keys(sessionStorage)) if (key.startsWith(KEY)) sessionStorage.removeItem(key); } catch { /* there are none */ }
}

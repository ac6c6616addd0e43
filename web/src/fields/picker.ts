// What is typed into a picker stays until something is chosen: an answer that comes late, Enter before it, or leaving the
// field take nothing away. An emptied text is nothing chosen.
import { useEffect, useRef, useState, type FormEvent, type KeyboardEvent } from 'react';
import { t } from '../locale/t';

const optionsOf = (box: HTMLElement) => [...(document.getElementById(box.getAttribute('aria-controls') ?? '')?.querySelectorAll<HTMLElement>('[role=option]') ?? [])];

interface Of { /** what is chosen, by its name */ chosen: string | null; /** the options are those for what is typed */ settled: (typed: string) => boolean; clear?: () => void; error?: string }

export function usePicker({ chosen, settled, clear, error }: Of) {
  const [text, setText] = useState('');
  const [typed, setTyped] = useState('');
  const [left, setLeft] = useState(false);
  const box = useRef<HTMLInputElement>(null);
  const wanted = useRef(false); // Enter was pressed before the options came
  const leaving = useRef(false);
  const touched = useRef(false);
  const picked = () => { setTyped(''); setLeft(false); wanted.current = false; };
  const open = chosen === null && typed.trim() !== '';
  // one that is called just so, else the only one
  const take = (input: HTMLElement) => {
    const all = optionsOf(input), said = typed.trim().toLowerCase();
    const same = all.filter((x) => [...x.childNodes].some((n) => n.textContent?.trim().toLowerCase() === said));
    (same.length === 1 ? same[0] : all.length === 1 ? all[0] : undefined)?.click();
  };
  useEffect(() => {
    if (!wanted.current || !settled(typed) || !box.current) return;
    wanted.current = false;
    if (document.activeElement === box.current) take(box.current);
  });
  // a form that is sent with a text of which nothing was chosen would lose it
  useEffect(() => { box.current?.setCustomValidity(open ? t('reference.choose') : ''); }, [open]);
  return {
    typed, picked,
    props: {
      ref: box, searchValue: text, error: error ?? (left && open ? t('reference.choose') : undefined),
      onSearchChange: (s: string) => { if (!(leaving.current && open)) setText(s); },
      onInput: (ev: FormEvent<HTMLInputElement>) => { touched.current = true; setTyped(ev.currentTarget.value); wanted.current = false; },
      onFocus: () => { touched.current = false; setLeft(false); },
      onBlurCapture: () => {
        leaving.current = true;
        setTimeout(() => { leaving.current = false; });
        setLeft(true);
        if (chosen !== null) { setTyped(''); if (clear && touched.current && text === '') clear(); }
      },
      onKeyDown: (ev: KeyboardEvent<HTMLInputElement>) => {
        if (ev.key !== 'Enter' || ev.currentTarget.getAttribute('aria-activedescendant')) return;
        if (chosen !== null && touched.current && text === '' && clear) { ev.preventDefault(); ev.stopPropagation(); clear(); }
        else if (typed.trim()) { ev.preventDefault(); if (settled(typed)) take(ev.currentTarget); else wanted.current = true; }
      },
    },
  };
}

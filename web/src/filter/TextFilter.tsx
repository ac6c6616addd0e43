// The filter as text, with what may come next offered below it.
import { Button, TextInput } from '@mantine/core';
import { useEffect, useId, useLayoutEffect, useRef, useState, type KeyboardEvent } from 'react';
import { suggest } from '../expr/suggest';
import { t } from '../locale/t';
import { useMeta, type Entity } from '../meta/meta';

interface Props { entity: Entity; where: string; refused?: string; onApply: (where: string) => void; /** it was asked for: one types at once */ focus?: boolean; onLeave?: () => void }

export default function TextFilter({ entity: e, where, refused, onApply, focus, onLeave }: Props) {
  const meta = useMeta();
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(where);
  const [caret, setCaret] = useState<number | null>(null);
  const [at, setAt] = useState(-1);
  const wanted = useRef<number | null>(null);
  useEffect(() => setText(where), [where]);
  useEffect(() => { if (focus) { input.current?.focus(); input.current?.setSelectionRange(where.length, where.length); } }, []); // when it comes
  useLayoutEffect(() => { if (wanted.current !== null) { input.current?.setSelectionRange(wanted.current, wanted.current); wanted.current = null; } });
  const s = caret === null ? null : suggest(meta, e, text, caret);
  const items = s?.items ?? [];
  const close = () => { setCaret(null); setAt(-1); };
  function take(i: number) {
    const x = items[i];
    if (!s || !x) return;
    const next = text.slice(0, s.from) + x.insert + text.slice(s.to);
    wanted.current = s.from + x.insert.length;
    setText(next);
    setCaret(wanted.current);
    setAt(-1);
  }
  function key(ev: KeyboardEvent) {
    if (ev.key === 'ArrowDown' || ev.key === 'ArrowUp') { if (items.length) { ev.preventDefault(); setAt((at + (ev.key === 'ArrowDown' ? 1 : items.length) + (at < 0 && ev.key === 'ArrowUp' ? 0 : ev.key === 'ArrowUp' ? -1 : 0)) % items.length); } }
    else if (ev.key === 'Tab' && items.length && !ev.shiftKey && text.trim() && at >= 0) { ev.preventDefault(); take(at); }
    else if (ev.key === 'Escape' && items.length) { ev.stopPropagation(); close(); }
    else if (ev.key === 'Escape' && onLeave && text === where) { ev.stopPropagation(); onLeave(); }
    else if (ev.key === 'Enter') { ev.preventDefault(); if (at >= 0) take(at); else { close(); onApply(text.trim()); } }
  }
  return (
    <form className="where" onSubmit={(ev) => { ev.preventDefault(); onApply(text.trim()); }}>
      <div className="grow" style={{ position: 'relative' }}>
        <TextInput ref={input} aria-label={t('list.filter')} placeholder={t('list.filter.example')} spellCheck={false} autoComplete="off" error={text.trim() === where ? refused : undefined} value={text} role="combobox" aria-expanded={items.length > 0} aria-controls={id} aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
          onChange={(ev) => { setText(ev.currentTarget.value); setCaret(ev.currentTarget.selectionStart); setAt(-1); }} onKeyDown={key} onFocus={(ev) => { if (!text) setCaret(ev.currentTarget.selectionStart); }} onBlur={close} />
        {items.length > 0 && (
          <div id={id} role="listbox" aria-label={t('filter.suggestions')} className="suggestions">
            {items.map((x, i) => <div key={x.insert} id={`${id}-${i}`} role="option" aria-selected={i === at} className="hit" onPointerDown={(ev) => { ev.preventDefault(); take(i); }}><span className="grow cut">{x.label}</span>{x.note && <code>{x.note}</code>}</div>)}
          </div>
        )}
      </div>
      {text.trim() !== where && <Button type="submit" size="xs" variant="default">{t('list.filter.apply')}</Button>}
      {where && text.trim() === where && <Button size="xs" variant="subtle" color="gray" onClick={() => onApply('')}>{t('list.filter.clear')}</Button>}
    </form>
  );
}

// A field to type into with a list to choose from below it: arrow keys and Enter, or a click.
import { TextInput } from '@mantine/core';
import { useEffect, useId, useState, type KeyboardEvent, type ReactNode } from 'react';

export interface Hit { key: string; label: ReactNode; note?: string; take: () => void }
export function Choices({ label, placeholder, hits, empty, text, onText, error, children }: { label: string; placeholder?: string; hits: Hit[]; empty: string; text: string; onText: (s: string) => void; error?: string; children?: ReactNode }) {
  const [at, setAt] = useState(0);
  const id = useId();
  useEffect(() => setAt(0), [text]);
  useEffect(() => { document.getElementById(`${id}-${at}`)?.scrollIntoView({ block: 'nearest' }); }, [at, id]);
  function key(ev: KeyboardEvent) {
    const step = ev.key === 'ArrowDown' ? 1 : ev.key === 'ArrowUp' ? -1 : 0;
    if (step && hits.length) { ev.preventDefault(); setAt((at + step + hits.length) % hits.length); }
    if (ev.key === 'Enter') { ev.preventDefault(); hits[Math.min(at, hits.length - 1)]?.take(); }
  }
  return (
    <>
      <TextInput data-autofocus autoFocus aria-label={label} placeholder={placeholder} error={error} autoComplete="off" spellCheck={false} role="combobox" aria-expanded aria-controls={id} aria-activedescendant={hits.length ? `${id}-${at}` : undefined} value={text} onChange={(ev) => onText(ev.currentTarget.value)} onKeyDown={key} />
      <div id={id} role="listbox" aria-label={label} tabIndex={0} className="choices">
        {hits.map((h, i) => (
          <div key={h.key} id={`${id}-${i}`} role="option" aria-selected={i === at} className="hit" onMouseMove={() => setAt(i)} onClick={h.take}>
            <span className="grow cut">{h.label}</span>{h.note && <small>{h.note}</small>}
          </div>
        ))}
      </div>
      {hits.length === 0 && <div role="status" className="dim" style={{ padding: '8px 10px' }}>{empty}</div>}
      {children}
    </>
  );
}

import { useId } from 'react';

/** One of a few, side by side. `data` are values and their words. */
export function Segments<V extends string>({ label, value, onChange, data, className, small }: { label: string; value: V; onChange: (v: V) => void; data: { value: V; label: string }[]; className?: string; small?: boolean }) {
  const name = useId();
  return (
    <div role="radiogroup" aria-label={label} className={['segments', small && 'small', className].filter(Boolean).join(' ')}>
      {data.map((d) => <label key={d.value}><input type="radio" name={name} value={d.value} checked={d.value === value} onChange={() => onChange(d.value)} /><span>{d.label}</span></label>)}
    </div>
  );
}

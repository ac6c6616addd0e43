// The filter of a list as chips "field operator value", each edited in place, or as text.
import { Button } from '@mantine/core';
import { useEffect, useMemo, useRef, useState } from 'react';
import { complete, fieldAt, leafOf, treeOf, type Leaf } from '../expr/leaf';
import { read } from '../expr/parse';
import { allOf, conjuncts, isCall, toText, type Tree } from '../expr/tree';
import { t, type Key } from '../locale/t';
import { useMeta, type Entity } from '../meta/meta';
import { Drop } from '../ui/Drop';
import { Nested } from '../ui/Nested';
import { later } from '../ui/later';
import { opWord, useName, valueWords } from './words';

const AddFilter = later(() => import('./AddFilter'), 'soon');
const LeafEditor = later(() => import('./LeafEditor'), 'soon');
const Builder = later(() => import('./Builder'));
const TextFilter = later(() => import('./TextFilter'), 'soon');

interface Props { entity: Entity; where: string; refused?: string; onChange: (where: string) => void; text: boolean; onText: (on: boolean) => void }

/** mailed(7, 'clicked') in words: the campaign and what became of its mail. */
function useMailed(tree: Tree): string {
  const [of, figure] = isCall(tree) && tree.call === 'mailed' && !tree.where ? tree.args : [];
  const id = of && 'value' in of ? of.value : undefined;
  const name = useName('campaign', id);
  return id && figure && 'text' in figure ? `${name}: ${t(`camp.figure.${figure.text}` as Key)}` : '';
}

function Chip({ entity: e, tree, onChange, onBuilder }: { entity: Entity; tree: Tree; onChange: (x: Tree | null) => void; onBuilder: () => void }) {
  const meta = useMeta();
  const [open, setOpen] = useState(false);
  const first = leafOf(tree);
  const field = first ? fieldAt(meta, e, first.path) : undefined;
  const leaf = field ? first : null;
  const [draft, setDraft] = useState<Leaf | null>(null);
  const name = useName(field?.kind === 'reference' ? field.target : undefined, leaf?.values[0]);
  const words = leaf && field ? (field.kind === 'reference' && leaf.values.length === 1 ? name : valueWords(meta, field, leaf)) : '';
  const now = draft ?? leaf;
  const apply = () => { const f = now && fieldAt(meta, e, now.path); if (f && now && complete(f, now)) { onChange(treeOf(f, now)); setOpen(false); } };
  const mailed = useMailed(tree);
  const label = leaf && field ? `${field.label} ${opWord(field, leaf.op)} ${words}` : mailed || toText(tree);
  return (
    <span className="fchip">
      <Drop opened={open} onClose={() => setOpen(false)} label={t('filter.condition')} width={300} target={<button type="button" className="fbody" aria-label={t('filter.edit', { text: label })} onClick={() => { if (!leaf) return onBuilder(); setDraft(leaf); setOpen(true); }}>
            {leaf && field ? <><b>{field.label}</b> <span className="dim">{opWord(field, leaf.op)}</span> {words && <span>{words}</span>}</> : mailed ? <span>{mailed}</span> : <code>{toText(tree)}</code>}
          </button>}>
          {open && now && <form onSubmit={(ev) => { ev.preventDefault(); apply(); }}><Nested><LeafEditor entity={e} leaf={now} onChange={setDraft} onDone={apply} focusValue /></Nested><Button type="submit" size="xs" mt="xs" fullWidth>{t('list.filter.apply')}</Button></form>}
      </Drop>
      <button type="button" className="fx" aria-label={t('filter.remove', { text: label })} onClick={() => onChange(null)}>✕</button>
    </span>
  );
}

export function FilterBar({ entity: e, where, refused, onChange, text, onText }: Props) {
  const meta = useMeta();
  const [adding, setAdding] = useState(false);
  const [building, setBuilding] = useState(false);
  const toggle = useRef<HTMLButtonElement>(null);
  const pressed = useRef(false);
  const parsed = useMemo(() => read(where, (path) => meta.named(e, path)), [where, meta, e]);
  const parts = conjuncts(parsed.tree);
  const asText = text || !parsed.ok;
  useEffect(() => {
    const f = (ev: KeyboardEvent) => {
      if (ev.key === 'f' && !ev.ctrlKey && !ev.metaKey && !ev.altKey && !(ev.target as HTMLElement).closest?.('input, textarea, select, [role=dialog], [role=listbox]')) { ev.preventDefault(); setAdding(true); }
    };
    document.addEventListener('keydown', f);
    return () => document.removeEventListener('keydown', f);
  }, []);
  const put = (list: (Tree | null)[]) => onChange(toText(allOf(list.filter((x): x is Tree => !!x))));
  return (
    <div className={'filters' + (asText ? ' astext' : '')} role="group" aria-label={t('list.filter')}>
      {asText ? (
        <TextFilter waiting={<input className="plain grow" aria-label={t('list.filter')} defaultValue={where} readOnly />} entity={e} where={where} refused={refused} onApply={onChange} focus={pressed.current} onLeave={parsed.ok ? () => { onText(false); toggle.current?.focus(); } : undefined} />
      ) : (
        <>
          {parts.map((x, i) => <Chip key={i + toText(x)} entity={e} tree={x} onBuilder={() => setBuilding(true)} onChange={(y) => put(parts.map((z, k) => (k === i ? y : z)))} />)}
          <Drop opened={adding} onClose={() => setAdding(false)} label={t('filter.add')} width={330} target={<Button size="xs" variant="default" onClick={() => setAdding(!adding)}>+ {t('list.filter')}</Button>}>
              {adding && <Nested><AddFilter entity={e} onAdd={(x) => { setAdding(false); put([...parts, x]); }} onBuilder={() => { setAdding(false); setBuilding(true); }} /></Nested>}
          </Drop>
          {parts.length > 0 && <Button size="xs" variant="subtle" color="gray" onClick={() => onChange('')}>{t('list.filter.clear')}</Button>}
        </>
      )}
      {parsed.ok && <Button ref={toggle} size="xs" variant={text ? 'filled' : 'subtle'} color={text ? undefined : 'gray'} aria-pressed={text} aria-label={t('filter.astext')} onClick={() => { pressed.current = !text; onText(!text); }}>{t('filter.text')}</Button>}
      {refused && !asText && <div role="alert" className="refused">{refused}</div>}
      {building && <Builder entity={e} where={where} onClose={() => setBuilding(false)} onApply={(w) => { setBuilding(false); onChange(w); }} />}
    </div>
  );
}

// A new condition: type a field, or the whole of it ("city berlin", "score > 50"), and press Enter.
import { Button } from '@mantine/core';
import { useState } from 'react';
import { complete, fieldAt, filterable, treeOf, type Leaf } from '../expr/leaf';
import { read } from '../expr/parse';
import { guesses } from '../expr/suggest';
import { isCall, isChain, isOp, type Tree } from '../expr/tree';
import { t } from '../locale/t';
import { useMeta, type Entity } from '../meta/meta';
import { Choices, type Hit } from '../ui/Choices';
import LeafEditor, { startLeaf } from './LeafEditor';
import { leafWords } from './words';

export default function AddFilter({ entity: e, onAdd, onBuilder }: { entity: Entity; onAdd: (x: Tree) => void; onBuilder: () => void }) {
  const meta = useMeta();
  const [text, setText] = useState('');
  const [leaf, setLeaf] = useState<Leaf | null>(null);
  if (leaf) {
    const f = fieldAt(meta, e, leaf.path)!;
    const apply = () => { if (complete(f, leaf)) onAdd(treeOf(f, leaf)); };
    return (
      <form onSubmit={(ev) => { ev.preventDefault(); apply(); }}>
        <LeafEditor key="new" entity={e} leaf={leaf} onChange={setLeaf} onDone={apply} focusValue />
        <Button type="submit" size="xs" mt="xs" fullWidth disabled={!complete(f, leaf)}>{t('list.filter.apply')}</Button>
      </form>
    );
  }
  const low = text.trim().toLowerCase();
  const hits: Hit[] = [];
  const whole = low ? read(text.trim()) : { tree: null, ok: false };
  const known = (x: Tree | null): boolean => (isChain(x ?? undefined) ? (x as { args: Tree[] }).args.every(known) : isOp(x ?? undefined) || isCall(x ?? undefined));
  for (const g of low ? guesses(meta, e, text.trim()) : []) { const l = { path: g.field.name, op: g.op, values: g.values }; hits.push({ key: g.field.name + g.op + g.values.join(), label: leafWords(meta, e, l), take: () => onAdd(treeOf(g.field, l)) }); }
  if (whole.ok && known(whole.tree) && /['()]|\band\b|\bor\b|\bis\b|\bin\b|\d/.test(text)) hits.push({ key: 'written', label: <code>{text.trim()}</code>, note: t('filter.written'), take: () => onAdd(whole.tree!) });
  const fits = e.fields.filter((f) => filterable(f) && !f.hidden && (!low || f.label.toLowerCase().includes(low) || f.name.includes(low)));
  fits.sort((a, b) => Number(!!a.standard) - Number(!!b.standard) || Number(b.label.toLowerCase().startsWith(low)) - Number(a.label.toLowerCase().startsWith(low)));
  for (const f of fits.slice(0, 60)) hits.push({ key: 'f' + f.name, label: f.label, note: f.group ? f.group.replaceAll('_', ' ') : undefined, take: () => setLeaf(startLeaf(f)) });
  return (
    <Choices label={t('filter.add')} placeholder={t('filter.type')} hits={hits} empty={t('palette.none')} text={text} onText={setText}>
      <Button size="compact-sm" variant="subtle" mt={6} onClick={onBuilder}>{t('filter.advanced')}</Button>
    </Choices>
  );
}

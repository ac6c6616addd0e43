// Words for what was done, and through what: of the history of a record and of all that was done.
import { t, type Key } from '../locale/t';

const DID = ['created', 'changed', 'deleted', 'restored', 'removed'];
const VIA = ['system', 'ui', 'api', 'import', 'shell', 'job', 'form'];
const KINDS = ['import', 'bulk', 'undo', 'job', 'demo', 'merge', 'retention'];

/** What became of a record. */
export const did = (kind: string) => (DID.includes(kind) ? t(`did.${kind}` as Key) : kind);
/** By which door a change came. */
export const through = (via: string) => (VIA.includes(via) ? t(`via.${via}` as Key) : via);
/** The kind of a change set; nothing of one that is a plain change. */
export const kindOfSet = (kind: string) => (kind === 'edit' ? '' : KINDS.includes(kind) ? t(`set.kind.${kind}` as Key) : kind);

// What a button does: busy until it is done, with the reason when it was not.
import { useState } from 'react';

export function useAct(work: () => Promise<unknown>) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const act = () => {
    setBusy(true);
    setError(null);
    work().catch(setError).finally(() => setBusy(false));
  };
  return { busy, error, act };
}

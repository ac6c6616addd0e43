// An address at which there is nothing: said in plain words, with the ways back.
import { Button, Group, Title } from '@mantine/core';
import { t } from '../locale/t';
import { address, can, useMeta, type Entity } from '../meta/meta';
import { useTitle } from './bits';
import { Link } from './Link';

/** `of`: what kind of record was looked for. */
export default function Nowhere({ of }: { of?: Entity }) {
  const meta = useMeta();
  const list = of && meta.raw.entities.includes(of) && !of.link && can(of, 'read') ? of : undefined;
  useTitle(t('error.missing'));
  return (
    <div className="centre" role="alert">
      <Title order={1} size="h3">{of ? t('missing.record', { label: of.label }) : t('error.nowhere')}</Title>
      <div style={{ maxWidth: 520 }}>{of ? t('missing.why') : t('missing.page')}</div>
      <Group justify="center">
        {list && <Button component={Link} href={address(list)}>{t('missing.list', { label: list.label_plural })}</Button>}
        {list && can(list, 'delete') && <Button component={Link} variant="default" href="/settings/bin">{t('set.bin')}</Button>}
        <Button component={Link} variant="default" href="/">{t('missing.home')}</Button>
      </Group>
    </div>
  );
}

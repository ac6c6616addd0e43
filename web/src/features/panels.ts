// The panels of modules, each loaded when it is first shown.
import { offer } from '../record/panel';
import { later } from '../ui/later';

offer('campaign', { tab: 'camp.tab', handles: ['start', 'pause', 'resume', 'cancel'], Body: later(() => import('./campaign/CampaignPanel')) });
offer('mail_template', { tab: 'tmpl.tab', handles: ['test'], shows: ['subject', 'html', 'text'], Body: later(() => import('./mail/TemplatePanel')) });
offer('mail_server', { tab: 'mail.tab', handles: ['set_password', 'check'], Body: later(() => import('./mail/ServerPanel')) });
offer('contact', { tab: 'event.tab', behind: true, handles: [], Body: later(() => import('./event/BehaviourPanel')) });
offer('event_source', { tab: 'event.source.tab', handles: [], Body: later(() => import('./event/SourcePanel')) });
offer('segment', { tab: 'seg.tab', handles: ['build', 'add', 'remove'], Body: later(() => import('./segment/SegmentPanel')) });

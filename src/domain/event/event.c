/* event.c - the module: sources, settings, jobs, consumers. */

#include "domain/event/event.h"

#include "domain/event/event_steps.h"

static const struct entity *const entities[] = { &event_source_entity, &event_entity, &event_day_entity,
    &event_name_entity, &event_message_entity, &event_visitor_entity, &event_arrival_entity, &event_move_entity,
    &event_glimpse_entity, NULL };

static const struct setting settings[] = {
    { .field = { .name = "event.days", .label = "Visits and clicks", .kind = KIND_INT, .min = 1, .max = EVENT_DAYS, .def = "400",
          .help = "For how many days it is kept what people did on your web site and in your shop. Whole months go at once." },
        .scope = SETTING_ORG },
    { .field = { .name = "event.address_per_minute", .label = "Visits and clicks from one connection", .kind = KIND_INT,
          .min = 0, .max = 10000000, .def = "3000",
          .help = "How many a minute one internet connection may send, so that nobody floods you. 0: no limit." },
        .scope = SETTING_ORG },
    SETTING_END,
};

static const struct job_kind jobs[] = {
    { .name = "event_move", .run = event_move_run, .system = true,
        .help = "Brings the events of a visitor, or of a person who was merged, to whom they belong." },
    { .name = "event_retention", .run = event_retention_run, .when = "daily", .system = true,
        .help = "Removes months of events that are older than the setting event.days." },
    JOB_END,
};

static const char *const of_people[] = { "contact", NULL };
static const struct consumer consumers[] = {
    { .name = "event_people", .run = event_people_change, .follows = of_people, .kinds = "cudrp" },
    { .name = "event_segments", .waits = event_waits, .take = event_take },
    CONSUMER_END,
};

const struct module event_module = { .name = "event", .entities = entities, .actions = event_actions, .settings = settings,
    .jobs = jobs, .consumers = consumers, .intakes = event_intakes, .functions = event_functions };

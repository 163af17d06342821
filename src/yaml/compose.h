// From libyaml's events to values. Internal to the room.
#ifndef YAML_COMPOSE_H
#define YAML_COMPOSE_H

#include "yaml/yaml.h"

#include <yaml.h>

// State of reading one stream.
struct compose {
    struct arena *a;
    const struct yaml_opts *opts;
    const char *text;
    size_t len;
    uint16_t file;
    yaml_parser_t parser;
    yaml_event_t event;   // the current one
    struct dict *anchors; // name -> struct anchor, as the pointer's number
    size_t nodes;         // composed so far, an alias counting as what it stands for
    size_t aliased;       // those of them that came from aliases
    int depth;
    struct err *e;
};

// Starts reading c->text. compose_end must follow.
void compose_begin(struct compose *c);
// Goes on to the next document: 1 when its start is the current event, 0 at the end, <0 error.
int compose_at_document(struct compose *c);
// Reads the next document into *ret: 1 done, 0 none left, <0 error.
int compose_document(struct compose *c, struct value *ret);
void compose_end(struct compose *c);

struct pos compose_pos(const struct compose *c, const yaml_mark_t *mark);

// Sets the error for what libyaml complains of, with a hint when a usual mistake explains it.
int hint_syntax(struct compose *c);
// Sets an error at a mark, quoting the line, with the hint that fits the line there.
int hint_unhashable(struct compose *c, const yaml_mark_t *mark, const char *type);
int hint_undefined_alias(struct compose *c, const yaml_mark_t *mark, const char *name);

#endif

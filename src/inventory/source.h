// Readers of inventory sources, one per kind. Internal to the room.
#ifndef INVENTORY_SOURCE_H
#define INVENTORY_SOURCE_H

#include "inventory/model.h"
#include "yaml/yaml.h"

// Each adds what the source holds to inv, or says in e why it cannot. What was added before a
// failure stays.
int source_ini(struct inventory *inv, const char *path, struct err *e);
int source_yaml(struct inventory *inv, const char *path, struct err *e);
int source_script(struct inventory *inv, const char *path, struct err *e);
// A source that an inventory plugin reads, as Ansible does: with those before it, which the plugin
// may build on.
int source_plugin(struct inventory *inv, const char *path, const struct value *plugin,
                  struct err *e);

// How the room reads YAML and JSON: with the inventory's warnings and its decryption.
struct yaml_opts source_yaml_opts(struct inventory *inv);
// Reads a text file, decrypted when it is encrypted, into the arena.
int source_text(struct inventory *inv, const char *path, const char **ret, size_t *len,
                struct err *e);
// Sets all variables of a dict for an entity; a NULL or false value stands for none.
int source_set_vars(struct inventory *inv, const char *entity, const struct value *vars,
                    struct err *e);
// True when path ends in a valid extension of YAML files, or, with none_ok, has no extension.
bool source_has_extension(const struct inventory *inv, const char *path, bool none_ok);

#endif

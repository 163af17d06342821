// The hooks themselves: the one mutable global of the room, written at start only.
#include "template/hooks.h"

struct template_hooks template_hooks;

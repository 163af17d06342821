// Texts of the man pages of log, who and audit.
#ifndef CLI_MAN_EVENTS_H
#define CLI_MAN_EVENTS_H

extern const char man_log_text[], man_who_text[], man_audit_text[];
extern const char man_events_status[], man_audit_status[];

#endif

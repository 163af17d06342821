#!/bin/sh
# Takes away what the kiosk printed more than a week ago.
find /opt/turnstile/spool -type f -name '*.pdf' -mtime +7 -delete

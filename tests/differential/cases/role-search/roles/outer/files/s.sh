#!/bin/sh
echo role "$@"

#!/bin/sh
echo "${GREETING:-hello} $# $1 $2 $(id -un)"
echo made > "/tmp/made-by-$(id -un)"

#!/bin/bash
# A load that is killed at any of its steps, in each mode, by the command line
# alone and through a daemon: the tables hold all of it or nothing, byte for byte, what was staged is
# gone after the next open for writing, the check is clean. ALL=1 tries everything in every mode and
# HITS_MAX passes of each step; else each is tried in one of the modes, turn by turn.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
start
unmount
for i in $(seq 400); do
  printf '{"type":"Person","data":{"name":"old%d","age":%d}}\n' "$i" $((i % 90))
  printf '{"edge":"Knows","from":"old%d","to":"alice","data":{"since":"2021-01-01"}}\n' "$i"
done >old.jsonl
must "$mendfs" load "$store" old.jsonl --mode append >/dev/null
must "$mendfs" export "$store" >before.jsonl
# So many that they become segments; merge and replace change and take away rows that are there.
for i in $(seq 5000); do
  printf '{"type":"Person","data":{"name":"new%d","age":%d,"city":"Rome"}}\n' "$i" $((i % 90))
  printf '{"edge":"Knows","from":"new%d","to":"new1","data":{"since":"2022-02-02"}}\n' "$i"
done >append.jsonl
{ cat append.jsonl && sed -n 1,300p old.jsonl | sed 's/"age":/"city":"Oslo","age":/'; } >merge.jsonl
{ cat merge.jsonl && printf '{"type":"Person","data":{"name":"alice","age":31}}\n'; } >replace.jsonl
for mode in append merge replace; do
  cp -a "$store" whole
  must "$mendfs" load "$store" "$mode.jsonl" --mode "$mode" >/dev/null
  must "$mendfs" export "$store" >"after_$mode.jsonl"
  ! cmp -s before.jsonl "after_$mode.jsonl" || fail "$mode changes nothing"
  rm -rf "$store" && mv whole "$store"
done
must cp -a "$store" whole

daemon() { sed -n 's/^pid \([0-9]*\) .*/\1/p' "$store/LOCK"; }
anew() { rm -rf "$store" && cp -a whole "$store"; }
tried=0
asked=0
# turn MODE: whether this one is tried in the mode
turn() {
  asked=$((asked + 1))
  [[ -n ${ALL:-} ]] && return
  case $1 in
    append) ((asked % 3 == 0)) ;;
    merge) ((asked % 3 == 1)) ;;
    *) ((asked % 3 == 2)) ;;
  esac
}
# all_or_nothing MODE ACKNOWLEDGED: opened for writing, the store is whole, and nothing is left.
all_or_nothing() {
  local seen=nothing
  must "$mendfs" mount "$store" "$mnt"
  must "$mendfs" export "$mnt" >now.jsonl
  if cmp -s now.jsonl "after_$1.jsonl"; then seen=all; else cmp -s now.jsonl before.jsonl || seen=some; fi
  [[ $seen != some ]] || fail "$1: half of a load: $(diff now.jsonl before.jsonl | head -n 3)"
  [[ $seen == all || $2 != yes ]] || fail "$1: an acknowledged load is lost"
  same ok "$(cat "$mnt/.mend/health")"
  unmount
  same "" "$(names "$store/sidecars")"
  same "" "$(ls -A "$store/staging" | grep -v '^pack-' || true)"
  fsck.mendfs -n --data "$store" >said 2>&1 || fail "the check says $(cat said)"
  if [[ $seen == nothing ]]; then
    must "$mendfs" load "$store" "$1.jsonl" --mode "$1" >/dev/null
    must "$mendfs" export "$store" >now.jsonl
    must cmp now.jsonl "after_$1.jsonl"
  fi
  tried=$((tried + 1))
}

# ---- killed at every step, offline: the process ends as SIGKILL would end it
points="load.after_input intent.before_sidecar intent.after_sidecar object.before_sync
  object.before_rename object.after_rename intent.before_confirm intent.after_confirm
  journal.before_append journal.after_append journal.before_sync journal.after_sync fold.before_write
  fold.after_write commit.before_close commit.after_close intent.after_publish intent.after_flush
  intent.after_clear"
hits_max=${HITS_MAX:-1}
for mode in append merge replace; do
  asked=0
  for point in $points; do
    turn "$mode" || continue
    for hit in $(seq "$hits_max"); do
      anew
      code=0
      MENDFS_FAILPOINTS=$point=crash:$hit "$mendfs" load "$store" "$mode.jsonl" --mode "$mode" \
        >/dev/null 2>said || code=$?
      if [[ $code == 0 ]]; then
        [[ $hit != 1 ]] || fail "$mode does not pass $point"
        break
      fi
      same 85 "$code"
      all_or_nothing "$mode" no
    done
  done
done

# ---- the same through a daemon: the mount is dead, the next one recovers
for mode in append merge replace; do
  for point in load.after_input intent.after_sidecar object.before_rename intent.before_confirm \
    intent.after_confirm journal.after_append:2 fold.after_write commit.after_close \
    intent.after_publish intent.after_flush intent.after_clear; do
    turn "$mode" || continue
    anew
    hit=${point#*:}
    [[ $hit != "$point" ]] || hit=1
    must env "MENDFS_FAILPOINTS=${point%:*}=crash:$hit" "$mendfs" mount "$store" "$mnt" -o commit=1h
    code=0
    "$mendfs" load "$mnt" "$mode.jsonl" --mode "$mode" >/dev/null 2>said || code=$?
    [[ $code != 0 ]] || fail "$mode does not pass $point in a daemon"
    soon umount -l "$mnt"
    all_or_nothing "$mode" no
  done
done

# ---- a daemon that is killed at no chosen instant
for mode in append merge replace; do
  for wait in 0.02 0.1 0.3; do
    turn "$mode" || continue
    anew
    must "$mendfs" mount "$store" "$mnt"
    "$mendfs" load "$mnt" "$mode.jsonl" --mode "$mode" >/dev/null 2>&1 &
    loader=$!
    sleep "$wait"
    kill -9 "$(daemon)"
    acknowledged=no
    if wait "$loader"; then acknowledged=yes; fi
    soon umount -l "$mnt"
    all_or_nothing "$mode" "$acknowledged"
  done
done

echo "figure load_kills $tried"

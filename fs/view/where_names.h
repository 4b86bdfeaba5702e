// Names below `.mend/where/<Type>/`: `<column>=<value>[,…]`, and further such segments below it.
//
//   city=Paris              city is Paris               age.ge=18   also gt, le, lt
//   city.in=Paris|Rome      one of them                 born.null   has no value
//   @order=age  @order=-age  in rising or falling order  @limit=10   at most so many rows
//   @scan                   read the whole table, however long
//
// Terms of one segment are joined by `,`; all conditions hold together. What stands for itself in
// none of these places (`/ , | = % @ .` in a column's name, `/ , %` in a value, `|` behind `.in=`)
// is written %XX.
//
// Threads:  pure functions
// Errors:   kInvalid with what is wrong with which term
#pragma once

#include <string_view>

#include "meta/base/status.h"
#include "meta/select.h"

namespace mendfs {

inline constexpr size_t kWhereTermsMax = 64;

// Adds what `segment` asks for to `query`, which is unspecified on error.
Status AddWhereSegment(std::string_view segment, RowQuery& query);

}  // namespace mendfs

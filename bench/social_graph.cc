// A social graph as JSON lines for `mendfs load`: persons, cities and companies; whom persons know,
// where they live and work. The same bytes for the same arguments, in memory that does not grow.
//
// Usage:  social_graph PERSONS KNOWN_EACH [SEED]; the schema is social.graph
// Shape:  nodes first, then edges by source; no edge stands twice. In-degrees follow a power law as
// in
//         life: the share of persons who are known by k others falls with k to the power of 2.5
// Names:  some cities need escapes in JSON, quotes in CSV or %XX in row names
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

// As they stand in JSON.
constexpr std::array<const char*, 16> kCities = {
    "Aachen",    "Bergen",        "Cork",           "Delft",
    "Espoo",     "Faro",          "Genoa",          "Hamburg",
    "São Paulo", "LAquila",       "Frankfurt/Main", "Washington, D.C.",
    "100%~",     R"(\"Quoted\")", ".hidden",        R"(\ud83d\ude00 town)"};
constexpr uint64_t kPersonsPerCompany = 50;
constexpr int kTriesMax = 16;  // for one neighbour that is not there yet

// splitmix64
uint64_t Next(uint64_t& state) {
  state += 0x9E3779B97F4A7C15U;
  uint64_t mixed = state;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBU;
  return mixed ^ (mixed >> 31);
}

double Unit(uint64_t& state) {
  return static_cast<double>(Next(state) >> 11) / static_cast<double>(uint64_t{1} << 53);
}

using Number = unsigned long long;  // what %llu takes

void PrintPerson(uint64_t id, uint64_t& state) {
  const uint64_t dice = Next(state);
  printf(
      "{\"type\":\"Person\",\"data\":{\"id\":\"p%08llu\",\"name\":\"Person Number %llu\","
      "\"age\":%d,\"city\":\"%s\",\"about\":\"%016llx%016llx\"}}\n",
      static_cast<Number>(id), static_cast<Number>(id), static_cast<int>(dice % 90),
      kCities[(dice >> 8) % kCities.size()], static_cast<Number>(Next(state)),
      static_cast<Number>(Next(state)));
}

void PrintNodes(uint64_t persons, uint64_t companies, uint64_t& state) {
  for (const char* city : kCities) {
    printf("{\"type\":\"City\",\"data\":{\"name\":\"%s\"}}\n", city);
  }
  for (uint64_t id = 0; id < companies; ++id) {
    printf("{\"type\":\"Company\",\"data\":{\"name\":\"c%06llu\",\"founded\":\"%d-01-31\"}}\n",
           static_cast<Number>(id), static_cast<int>(1900 + Next(state) % 120));
  }
  for (uint64_t id = 0; id < persons; ++id) PrintPerson(id, state);
}

// Whom a person knows, sorted. The cube of a uniform number: low ids are drawn far more often.
void DrawKnown(uint64_t persons, uint64_t known_each, uint64_t& state,
               std::vector<uint64_t>& known) {
  known.clear();
  for (uint64_t tries = 0; known.size() < known_each && tries < kTriesMax * known_each; ++tries) {
    const double unit = Unit(state);
    const auto other = static_cast<uint64_t>(unit * unit * unit * static_cast<double>(persons));
    const auto at = std::lower_bound(known.begin(), known.end(), other);
    if (at == known.end() || *at != other) known.insert(at, other);
  }
}

void PrintEdges(uint64_t id, uint64_t companies, const std::vector<uint64_t>& known,
                uint64_t& state) {
  const auto from = static_cast<Number>(id);
  for (const uint64_t other : known) {
    const uint64_t dice = Next(state);
    printf("{\"edge\":\"Knows\",\"from\":\"p%08llu\",\"to\":\"p%08llu\"", from,
           static_cast<Number>(other));
    if (dice % 4 == 0) {
      printf(",\"data\":{\"since\":\"20%02d-%02d-%02d\"}", static_cast<int>(dice / 4 % 25),
             static_cast<int>(1 + dice / 128 % 12), static_cast<int>(1 + dice / 2048 % 28));
    }
    puts("}");
  }
  const uint64_t dice = Next(state);
  // The key of a city in an edge is its name.
  printf("{\"edge\":\"LivesIn\",\"from\":\"p%08llu\",\"to\":\"%s\"}\n", from,
         kCities[dice % kCities.size()]);
  if (dice % 3 != 0) {
    printf("{\"edge\":\"WorksAt\",\"from\":\"p%08llu\",\"to\":\"c%06llu\"}\n", from,
           static_cast<Number>(dice / 64 % companies));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t persons = argc > 1 ? strtoull(argv[1], nullptr, 10) : 0;
  const uint64_t known_each = argc > 2 ? strtoull(argv[2], nullptr, 10) : 0;
  uint64_t state = argc > 3 ? strtoull(argv[3], nullptr, 10) : 1;
  if (persons == 0 || known_each > persons) {
    fprintf(stderr, "usage: social_graph PERSONS KNOWN_EACH [SEED]; nobody knows more than all\n");
    return 2;
  }
  const uint64_t companies = 1 + persons / kPersonsPerCompany;
  PrintNodes(persons, companies, state);
  std::vector<uint64_t> known;
  for (uint64_t id = 0; id < persons; ++id) {
    DrawKnown(persons, known_each, state, known);
    PrintEdges(id, companies, known, state);
  }
  return fflush(stdout) == 0 ? 0 : 1;
}

// A social graph as JSON lines for `mendfs load`: persons and whom they know, the same for the same
// arguments. Degrees are skewed as in life: a few persons are known by very many.
//
// Usage:  social_graph PERSONS EDGES_EACH; the schema is social.graph
// Shape:  nodes first, then edges by source; no edge stands twice
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr std::array<const char*, 8> kCities = {"Aachen", "Bergen", "Cork",  "Delft",
                                                "Espoo",  "Faro",   "Genoa", "Hamburg"};

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

void PrintPerson(uint64_t id, uint64_t& state) {
  const uint64_t dice = Next(state);
  printf(
      "{\"type\":\"Person\",\"data\":{\"id\":\"p%08llu\",\"name\":\"Person Number %llu\","
      "\"age\":%d,\"city\":\"%s\",\"about\":\"%016llx%016llx\"}}\n",
      static_cast<unsigned long long>(id), static_cast<unsigned long long>(id),
      static_cast<int>(dice % 90), kCities[(dice >> 8) % kCities.size()],
      static_cast<unsigned long long>(Next(state)), static_cast<unsigned long long>(Next(state)));
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t persons = argc > 1 ? strtoull(argv[1], nullptr, 10) : 0;
  const uint64_t edges_each = argc > 2 ? strtoull(argv[2], nullptr, 10) : 0;
  if (persons == 0) {
    fprintf(stderr, "usage: social_graph PERSONS EDGES_EACH\n");
    return 2;
  }
  uint64_t state = 1;
  for (uint64_t id = 0; id < persons; ++id) PrintPerson(id, state);
  std::vector<uint64_t> known;
  for (uint64_t id = 0; id < persons; ++id) {
    known.clear();
    for (uint64_t i = 0; i < edges_each; ++i) {
      // The cube of a uniform number: low ids are drawn far more often.
      const double unit = Unit(state);
      known.push_back(static_cast<uint64_t>(unit * unit * unit * static_cast<double>(persons)));
    }
    std::sort(known.begin(), known.end());
    known.erase(std::unique(known.begin(), known.end()), known.end());
    for (const uint64_t other : known) {
      printf("{\"edge\":\"Knows\",\"from\":\"p%08llu\",\"to\":\"p%08llu\"}\n",
             static_cast<unsigned long long>(id), static_cast<unsigned long long>(other));
    }
  }
  return fflush(stdout) == 0 ? 0 : 1;
}

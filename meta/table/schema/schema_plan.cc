#include "meta/table/schema/schema_plan.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace mendfs {
namespace {

// ------------------------------------------------------------------------------ stable ids

template <typename Item>
using ByName = std::unordered_map<std::string_view, const Item*>;

template <typename Item>
ByName<Item> Names(const std::vector<Item>& items) {
  ByName<Item> names;
  for (const Item& item : items) names.emplace(item.name, &item);
  return names;
}

// The accepted item that `wanted` continues, or null for a new one. A @rename_from that was applied
// before (its new name exists, its old one does not) is history and says nothing.
template <typename Item>
Result<const Item*> Predecessor(const ByName<Item>& accepted, const Item& wanted,
                                const std::string& where) {
  const auto same = accepted.find(wanted.name);
  const auto old = wanted.rename_from.empty() ? accepted.end() : accepted.find(wanted.rename_from);
  if (same != accepted.end()) {
    if (old == accepted.end() || old == same) return same->second;
    return Status(Code::kInvalid, where + ": @rename_from(" + wanted.rename_from + "): both \"" +
                                      wanted.rename_from + "\" and \"" + wanted.name +
                                      "\" exist; drop one of them first");
  }
  if (old != accepted.end()) return old->second;
  if (!wanted.rename_from.empty()) {
    return Status(Code::kInvalid,
                  where + ": @rename_from(" + wanted.rename_from + "): there is no such name");
  }
  return static_cast<const Item*>(nullptr);
}

// Two wanted items must not continue the same accepted one.
class Taken {
 public:
  Status Add(uint32_t id, const std::string& where) {
    if (taken_.insert(id).second) return Status::Ok();
    return {Code::kInvalid, where + ": what it is renamed from is still declared"};
  }

 private:
  std::unordered_set<uint32_t> taken_;
};

class IdGiver {
 public:
  explicit IdGiver(const Schema& accepted) : accepted_(accepted) {
    next_type_ = accepted.next_type_id;
    next_property_ = accepted.next_property_id;
  }

  Result<Schema> Run(Schema wanted) {
    std::unordered_map<uint32_t, TypeId> ids;  // provisional -> the store's
    Taken taken;
    MENDFS_RETURN_IF_ERROR(GiveTypes(accepted_.nodes, wanted.nodes, taken, ids));
    MENDFS_RETURN_IF_ERROR(GiveTypes(accepted_.edges, wanted.edges, taken, ids));
    for (EdgeType& edge : wanted.edges) {
      const auto source = ids.find(edge.source.value);
      const auto target = ids.find(edge.target.value);
      if (source == ids.end() || target == ids.end()) {
        return Status(Code::kInvalid, edge.name + ": an end of the edge is no node type");
      }
      edge.source = source->second;
      edge.target = target->second;
    }
    wanted.next_type_id = next_type_;
    wanted.next_property_id = next_property_;
    return wanted;
  }

 private:
  template <typename Type>
  Status GiveTypes(const std::vector<Type>& accepted, std::vector<Type>& wanted, Taken& taken,
                   std::unordered_map<uint32_t, TypeId>& ids) {
    const ByName<Type> names = Names(accepted);
    for (Type& type : wanted) {
      const Type* old = nullptr;
      // In a new store, as in a new type below, there is nothing that could be renamed.
      if (accepted_.next_type_id > TypeId(1)) {
        MENDFS_ASSIGN_OR_RETURN(old, Predecessor(names, type, type.name));
      }
      const TypeId provisional = type.id;
      if (old != nullptr) {
        type.id = old->id;
      } else {
        type.id = next_type_;
        ++next_type_.value;
      }
      MENDFS_RETURN_IF_ERROR(taken.Add(type.id.value, type.name));
      ids.emplace(provisional.value, type.id);
      MENDFS_RETURN_IF_ERROR(GiveProperties(old, type));
      type.rename_from.clear();
    }
    return Status::Ok();
  }

  template <typename Type>
  Status GiveProperties(const Type* old_type, Type& type) {
    const ByName<Property> names =
        old_type == nullptr ? ByName<Property>() : Names(old_type->properties);
    Taken taken;
    for (Property& property : type.properties) {
      const std::string where = type.name + "." + property.name;
      const Property* old = nullptr;
      if (old_type != nullptr) {
        MENDFS_ASSIGN_OR_RETURN(old, Predecessor(names, property, where));
      }
      if (old != nullptr) {
        property.id = old->id;
      } else {
        property.id = next_property_;
        ++next_property_.value;
      }
      MENDFS_RETURN_IF_ERROR(taken.Add(property.id.value, where));
      property.rename_from.clear();
    }
    return Status::Ok();
  }

  const Schema& accepted_;
  TypeId next_type_;
  PropertyId next_property_;
};

// ------------------------------------------------------------------------------ the plan

bool IsWider(ScalarKind from, ScalarKind to) {
  if (from == ScalarKind::kI32) return to == ScalarKind::kI64;
  if (from == ScalarKind::kU32) return to == ScalarKind::kU64 || to == ScalarKind::kI64;
  if (from == ScalarKind::kF32) return to == ScalarKind::kF64;
  return from == ScalarKind::kEnum && to == ScalarKind::kString;
}

bool HasAll(const std::vector<std::string>& all, const std::vector<std::string>& some) {
  const std::unordered_set<std::string_view> set(all.begin(), all.end());
  return std::all_of(some.begin(), some.end(),
                     [&](const std::string& value) { return set.contains(value); });
}

// Is every value of `from` a value of `to`?
bool Widens(const PropertyType& from, const PropertyType& to) {
  if (from.list != to.list || from.dimension != to.dimension) return false;
  if (from.nullable && !to.nullable) return false;
  if (from.scalar != to.scalar) return IsWider(from.scalar, to.scalar);
  return HasAll(to.enum_values, from.enum_values);
}

bool RangeWidens(const Property& from, const Property& to) {
  const bool low =
      !to.range_min || (from.range_min && from.range_min->ordered >= to.range_min->ordered);
  const bool high =
      !to.range_max || (from.range_max && from.range_max->ordered <= to.range_max->ordered);
  return low && high;
}

bool IsKeyPart(const NodeType& type, PropertyId property) {
  return std::any_of(type.key.begin(), type.key.end(),
                     [&](uint32_t part) { return type.properties[part].id == property; });
}
bool IsKeyPart(const EdgeType&, PropertyId) {
  return false;
}

class Planner {
 public:
  Planner(const Schema& accepted, const Schema& wanted,
          const std::function<bool(TypeId)>& populated)
      : accepted_(accepted), wanted_(wanted), populated_(populated) {}

  SchemaChange Run() {
    PlanInterfaces();
    PlanTypes(accepted_.nodes, wanted_.nodes);
    PlanTypes(accepted_.edges, wanted_.edges);
    // Edges go before the nodes they hang on.
    PlanDrops(accepted_.edges, wanted_.edges, "edge");
    PlanDrops(accepted_.nodes, wanted_.nodes, "node");
    return std::move(change_);
  }

 private:
  void Add(SchemaStep step) { change_.steps.push_back(std::move(step)); }
  void Safe(StepKind kind, std::string sentence, TypeId type, PropertyId property = {}) {
    Add({.kind = kind,
         .step_class = StepClass::kSafe,
         .code = {},
         .sentence = std::move(sentence),
         .type = type,
         .property = property});
  }
  void Refuse(StepKind kind, std::string code, std::string sentence, TypeId type,
              PropertyId property = {}) {
    Add({.kind = kind,
         .step_class = StepClass::kRefused,
         .code = std::move(code),
         .sentence = std::move(sentence),
         .type = type,
         .property = property});
  }
  // To be checked when rows exist that it could contradict, else safe.
  void Check(StepKind kind, StepCheck check, std::string code, std::string sentence, TypeId type,
             const Property& property) {
    if (!populated_(type)) return Safe(kind, std::move(sentence), type, property.id);
    Add({.kind = kind,
         .step_class = StepClass::kChecked,
         .code = std::move(code),
         .sentence = std::move(sentence),
         .type = type,
         .property = property.id,
         .check = check,
         .name = property.name});
  }
  void Destroy(StepKind kind, std::string code, std::string sentence, TypeId type,
               const Property& property) {
    Add({.kind = kind,
         .step_class = StepClass::kDestructive,
         .code = std::move(code),
         .sentence = std::move(sentence),
         .type = type,
         .property = property.id,
         .name = property.name});
  }
  // Refused when rows exist that it could contradict, else safe.
  void RefuseIfPopulated(StepKind kind, std::string code, const std::string& sentence, TypeId type,
                         PropertyId property = {}) {
    if (!populated_(type)) return Safe(kind, sentence, type, property);
    Refuse(kind, std::move(code), sentence + ": the type has rows", type, property);
  }

  void PlanInterfaces() {
    const auto names = Names(accepted_.interfaces);
    for (const Interface& interface : wanted_.interfaces) {
      const auto old = names.find(interface.name);
      if (old == names.end()) {
        Safe(StepKind::kChangeInterface, "add interface " + interface.name, {});
      } else if (!(*old->second == interface)) {
        Safe(StepKind::kChangeInterface, "change interface " + interface.name, {});
      }
    }
    for (const Interface& interface : accepted_.interfaces) {
      if (wanted_.FindInterface(interface.name) == nullptr) {
        Safe(StepKind::kChangeInterface, "drop interface " + interface.name, {});
      }
    }
  }

  template <typename Type>
  void PlanTypes(const std::vector<Type>& accepted, const std::vector<Type>& wanted) {
    std::unordered_map<uint32_t, const Type*> olds;
    for (const Type& type : accepted) olds.emplace(type.id.value, &type);
    for (const Type& type : wanted) {
      const auto old = olds.find(type.id.value);
      if (old == olds.end()) {
        Safe(StepKind::kAddType, "add " + Kind(type) + " " + type.name, type.id);
        continue;
      }
      if (old->second->name != type.name) {
        Safe(StepKind::kRenameType, "rename " + old->second->name + " to " + type.name, type.id);
      }
      if (old->second->description != type.description) {
        Safe(StepKind::kChangeType, "change the description of " + type.name, type.id);
      }
      PlanProperties(*old->second, type);
      PlanType(*old->second, type);
    }
  }

  static std::string Kind(const NodeType& type) { return type.open ? "open node" : "node"; }
  static std::string Kind(const EdgeType&) { return "edge"; }

  template <typename Type>
  void PlanDrops(const std::vector<Type>& accepted, const std::vector<Type>& wanted,
                 const std::string& kind) {
    std::unordered_set<uint32_t> kept;
    for (const Type& type : wanted) kept.insert(type.id.value);
    for (const Type& type : accepted) {
      if (kept.contains(type.id.value)) continue;
      Destroy(StepKind::kDropType, "drop-type", "drop " + kind + " " + type.name, type.id, {});
    }
  }

  void PlanType(const NodeType& old, const NodeType& type) {
    if (old.implements != type.implements) {
      Safe(StepKind::kChangeType, "change what " + type.name + " implements", type.id);
    }
    if (!old.open && type.open) Safe(StepKind::kChangeType, "open " + type.name, type.id);
    if (old.open && !type.open) {
      Check(StepKind::kChangeType, StepCheck::kRows, "closed-on-populated", "close " + type.name,
            type.id, {});
    }
    const auto key_ids = [](const NodeType& node) {
      std::vector<PropertyId> ids;
      for (const uint32_t part : node.key) ids.push_back(node.properties[part].id);
      return ids;
    };
    if (key_ids(old) != key_ids(type)) {
      RefuseIfPopulated(StepKind::kChangeKey, "key-change", "change the key of " + type.name,
                        type.id);
    }
  }

  void PlanType(const EdgeType& old, const EdgeType& type) {
    if (old.source != type.source || old.target != type.target) {
      RefuseIfPopulated(StepKind::kChangeType, "endpoints-change",
                        "change the ends of " + type.name, type.id);
    }
    if (old.on_delete != type.on_delete) {
      Safe(StepKind::kChangeType, "change @ondelete of " + type.name, type.id);
    }
    if (old.card_min == type.card_min && old.card_max == type.card_max) return;
    const bool loosened = type.card_min <= old.card_min &&
                          (!type.card_max || (old.card_max && *type.card_max >= *old.card_max));
    const std::string sentence = "change @card of " + type.name;
    // A lower bound binds the source nodes, which may exist before the first edge does.
    const bool bound =
        populated_(type.id) || (type.card_min > old.card_min && populated_(type.source));
    if (loosened || !bound) return Safe(StepKind::kChangeType, sentence, type.id);
    Add({.kind = StepKind::kChangeType,
         .step_class = StepClass::kChecked,
         .code = "constraint-on-populated",
         .sentence = sentence,
         .type = type.id,
         .check = StepCheck::kCard});
  }

  template <typename Type>
  void PlanProperties(const Type& old_type, const Type& type) {
    std::unordered_map<uint32_t, const Property*> olds;
    for (const Property& property : old_type.properties) {
      olds.emplace(property.id.value, &property);
    }
    for (const Property& property : type.properties) {
      const auto old = olds.find(property.id.value);
      if (old == olds.end()) {
        PlanAdded(type.id, type.name, property);
      } else {
        const bool key = IsKeyPart(old_type, property.id) || IsKeyPart(type, property.id);
        PlanProperty({type.id, type.name, key}, *old->second, property);
        olds.erase(old);
      }
    }
    for (const Property& property : old_type.properties) {
      if (!olds.contains(property.id.value)) continue;
      Destroy(StepKind::kDropProperty, "drop-property",
              "drop property " + type.name + "." + property.name, type.id, property);
    }
  }

  void PlanAdded(TypeId type, const std::string& type_name, const Property& property) {
    const std::string sentence =
        "add property " + type_name + "." + property.name + ": " + TypeText(property.type);
    // An open type's rows may hold that name already, with any value; those of a closed one do not.
    const NodeType* const old = accepted_.FindNode(type);
    const bool open = old != nullptr && old->open;
    if (open) {
      const char* const code =
          property.type.nullable ? "constraint-on-populated" : "required-on-populated";
      Check(StepKind::kAddProperty, StepCheck::kRows, code, sentence, type, property);
      if (property.unique) PlanUnique(type, sentence, property);
    } else if (property.type.nullable) {
      Safe(StepKind::kAddProperty, sentence, type, property.id);
    } else {
      RefuseIfPopulated(StepKind::kAddProperty, "required-on-populated", sentence, type,
                        property.id);
    }
  }

  void PlanUnique(TypeId type, const std::string& sentence, const Property& property) {
    Check(StepKind::kChangeConstraint, StepCheck::kUnique, "constraint-on-populated", sentence,
          type, property);
  }

  // Stored bodies keep the bytes they were written with, and with them the old name.
  void PlanPropertyName(TypeId type, const std::string& type_name, const Property& old,
                        const Property& property) {
    if (old.name == property.name) return;
    const std::string sentence = "rename " + type_name + "." + old.name + " to " + property.name;
    if (!populated_(type)) return Safe(StepKind::kRenameProperty, sentence, type, property.id);
    Refuse(StepKind::kRenameProperty, "rename-on-populated",
           sentence + ": the type has rows, and their bodies say \"" + old.name +
               "\"; `mendfs export` them, rename it in that text, and `mendfs load` it into a "
               "store made with the new schema",
           type, property.id);
  }

  struct Place {
    TypeId type;
    std::string type_name;
    bool key = false;  // the property is a part of the key
  };

  void PlanProperty(const Place& place, const Property& old, const Property& property) {
    const std::string name = place.type_name + "." + property.name;
    PlanPropertyName(place.type, place.type_name, old, property);
    if (old.type != property.type) PlanRetype(place, name, old, property);
    PlanConstraints(place.type, name, old, property);
  }

  void PlanRetype(const Place& place, const std::string& name, const Property& old,
                  const Property& property) {
    constexpr StepKind kKind = StepKind::kRetypeProperty;
    const std::string sentence =
        "change " + name + " from " + TypeText(old.type) + " to " + TypeText(property.type);
    PropertyType nullable = property.type;
    nullable.nullable = true;
    if (Widens(old.type, property.type)) {
      Safe(kKind, sentence, place.type, property.id);
    } else if (Widens(old.type, nullable)) {  // only null is not welcome any more
      Check(kKind, StepCheck::kRows, "required-on-populated", sentence, place.type, property);
    } else if (place.key) {
      RefuseIfPopulated(kKind, "key-change", sentence, place.type, property.id);
    } else if (populated_(place.type)) {
      Destroy(kKind, "narrowed-type", sentence, place.type, property);
      // Two values that differ may be one in the new type: large integers as floats.
      if (old.unique && property.unique)
        PlanUnique(place.type, "keep @unique of " + name, property);
    } else {
      Safe(kKind, sentence, place.type, property.id);
    }
  }

  void PlanConstraints(TypeId type, const std::string& name, const Property& old,
                       const Property& property) {
    const auto constrain = [&](bool tighter, const std::string& sentence) {
      if (!tighter) return Safe(StepKind::kChangeConstraint, sentence, type, property.id);
      Check(StepKind::kChangeConstraint, StepCheck::kRows, "constraint-on-populated", sentence,
            type, property);
    };
    if (old.unique && !property.unique) constrain(false, "drop @unique of " + name);
    if (!old.unique && property.unique) PlanUnique(type, "add @unique to " + name, property);
    if (old.range_min != property.range_min || old.range_max != property.range_max) {
      constrain(!RangeWidens(old, property), "change @range of " + name);
    }
    if (old.check != property.check) {
      constrain(!property.check.empty(), "change @check of " + name);
    }
    if (old.ttl && !property.ttl) constrain(false, "drop @ttl of " + name);
    // Rows that have passed the time in this column vanish.
    if (!old.ttl && property.ttl && populated_(type)) {
      Destroy(StepKind::kChangeConstraint, "ttl-on-populated", "let rows expire by " + name, type,
              property);
    } else if (!old.ttl && property.ttl) {
      constrain(false, "add @ttl to " + name);
    }
    if (old.index != property.index) {
      // Texts in an index have a bound.
      if (property.index && property.type.scalar == ScalarKind::kString) {
        Check(StepKind::kAddIndex, StepCheck::kRows, "constraint-on-populated",
              "add @index to " + name, type, property);
      } else {
        Safe(property.index ? StepKind::kAddIndex : StepKind::kDropIndex,
             (property.index ? "add @index to " : "drop @index of ") + name, type, property.id);
      }
    }
    if (old.description != property.description) {
      constrain(false, "change the description of " + name);
    }
  }

  const Schema& accepted_;
  const Schema& wanted_;
  const std::function<bool(TypeId)>& populated_;
  SchemaChange change_;
};

}  // namespace

Result<Schema> AssignIds(const Schema& accepted, const Schema& wanted) {
  return IdGiver(accepted).Run(wanted);
}

SchemaChange PlanSchema(const Schema& accepted, const Schema& wanted,
                        const std::function<bool(TypeId)>& populated) {
  return Planner(accepted, wanted, populated).Run();
}

bool SchemaChange::Has(StepClass step_class) const {
  return std::any_of(steps.begin(), steps.end(),
                     [&](const SchemaStep& step) { return step.step_class == step_class; });
}

Status SchemaChange::Applicable(bool allow_data_loss) const {
  for (const SchemaStep& step : steps) {
    if (step.step_class == StepClass::kRefused) {
      return {Code::kInvalid, step.sentence + " (" + step.code + ")"};
    }
  }
  for (const SchemaStep& step : steps) {
    if (step.step_class == StepClass::kDestructive && !allow_data_loss) {
      return {Code::kInvalid, step.sentence + " (" + step.code +
                                  "): that takes data away, which only `mendfs schema apply "
                                  "STORE|MOUNT FILE --allow-data-loss` does; without more it shows "
                                  "what would go"};
    }
  }
  return Status::Ok();
}

std::string_view StepClassName(StepClass step_class) {
  switch (step_class) {
    case StepClass::kSafe: return "safe";
    case StepClass::kChecked: return "checked";
    case StepClass::kDestructive: return "destructive";
    case StepClass::kRefused: return "refused";
  }
  return "unknown";
}

}  // namespace mendfs

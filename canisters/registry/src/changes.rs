//! What governance does to the records, and operators to their own.
//!
//! What changes nothing makes no version: the answer is the present one.

use crate::book::*;
use crate::check::{check_data_center, check_operator, check_replica_version, node_id};
use crate::interface::*;
use candid::Principal;
use ic_stable_structures::Memory;

/// Who calls, and when.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub caller: Principal,
    pub now: u64,
}

impl Call {
    fn draft(&self, proposal: Option<u64>) -> Draft {
        Draft::new(self.caller, proposal, self.now)
    }
}

fn not_found(what: &str, key: impl std::fmt::Display) -> Error {
    Error::NotFound(format!("there is no {what} {key}"))
}

impl<M: Memory> Registry<M> {
    /// Whether governance calls.
    pub(crate) fn check_governance(&self, call: &Call) -> Result<(), Error> {
        match call.caller == self.config().governance {
            true => Ok(()),
            false => Err(Error::Unauthorized("only the governance canister may do this".to_owned())),
        }
    }

    /// Takes over what an installation (`is_new`) or an upgrade names.
    ///
    /// # Errors
    /// A record that may not be; nothing is right then, and the caller traps.
    pub fn configure(&mut self, args: InitArgs, is_new: bool, call: Call) -> Result<(), Error> {
        let mut config = self.config().clone();
        config.governance = args.governance.unwrap_or(config.governance);
        let (centers, operators) =
            (args.data_centers.unwrap_or_default(), args.operators.unwrap_or_default());
        if !(is_new || centers.is_empty() && operators.is_empty()) {
            return Err(Error::Invalid("an upgrade names no data centers and operators".to_owned()));
        }
        let mut draft = call.draft(None);
        for center in centers {
            self.put_data_center(&mut draft, center)?;
        }
        for InitialOperator { operator, nodes } in operators {
            config.initial_nodes.extend(nodes.into_iter().map(|name| (name, operator.operator)));
            self.put_new_operator(&mut draft, operator)?;
        }
        if config.initial_nodes.len() > MAX_INITIAL_NODES {
            return Err(Error::TooMany(format!("more than {MAX_INITIAL_NODES} names of nodes")));
        }
        self.set_config(config);
        if !draft.is_empty() {
            self.commit(draft, "the registry is installed".to_owned());
        }
        Ok(())
    }

    fn put_data_center(&mut self, draft: &mut Draft, center: DataCenter) -> Result<(), Error> {
        check_data_center(&center)?;
        if self.data_center(&center.id).is_some() {
            return Err(Error::AlreadyExists(format!("there is a data center {} already", center.id)));
        }
        if self.data_centers().len() >= MAX_DATA_CENTERS {
            return Err(Error::TooMany(format!("there are {MAX_DATA_CENTERS} data centers")));
        }
        self.put(draft, data_center_key(&center.id), Record::DataCenter(center));
        Ok(())
    }

    fn put_new_operator(&mut self, draft: &mut Draft, operator: Operator) -> Result<(), Error> {
        self.check_operator(&operator)?;
        if self.operator(operator.operator).is_some() {
            return Err(Error::AlreadyExists(format!("{} is an operator already", operator.operator)));
        }
        if self.operators().len() >= MAX_OPERATORS {
            return Err(Error::TooMany(format!("there are {MAX_OPERATORS} operators")));
        }
        self.put(draft, operator_key(operator.operator), Record::Operator(operator));
        Ok(())
    }

    fn check_operator(&self, operator: &Operator) -> Result<(), Error> {
        check_operator(operator)?;
        match self.data_center(&operator.data_center) {
            Some(_) => Ok(()),
            None => Err(not_found("data center", &operator.data_center)),
        }
    }

    fn check_is_operator(&self, operator: Principal) -> Result<(), Error> {
        match self.operator(operator) {
            Some(_) => Ok(()),
            None => Err(not_found("operator", operator)),
        }
    }

    /// # Errors
    /// Nothing changes: as with all of these.
    pub fn add_data_center(&mut self, call: Call, args: AddDataCenter) -> Result<u64, Error> {
        self.check_governance(&call)?;
        let what = format!("data center {}", args.data_center.id);
        let mut draft = call.draft(args.proposal);
        self.put_data_center(&mut draft, args.data_center)?;
        Ok(self.commit_news(draft, what))
    }

    pub fn add_operator(&mut self, call: Call, args: AddOperator) -> Result<u64, Error> {
        self.check_governance(&call)?;
        let what = format!("operator {}", args.operator.operator);
        let mut draft = call.draft(args.proposal);
        self.put_new_operator(&mut draft, args.operator)?;
        Ok(self.commit_news(draft, what))
    }

    /// Governance changes everything; an operator its own reward account.
    pub fn update_operator(&mut self, call: Call, args: UpdateOperator) -> Result<u64, Error> {
        let is_own = call.caller == args.operator && args.name.is_none() && args.data_center.is_none();
        if !(is_own && args.proposal.is_none()) {
            self.check_governance(&call)?;
        }
        let before = self.operator(args.operator).ok_or_else(|| not_found("operator", args.operator))?;
        let operator = Operator {
            operator: before.operator,
            name: args.name.unwrap_or(before.name),
            data_center: args.data_center.unwrap_or(before.data_center),
            reward_account: args.reward_account.or(before.reward_account),
        };
        self.check_operator(&operator)?;
        let mut draft = call.draft(args.proposal);
        self.put(&mut draft, operator_key(operator.operator), Record::Operator(operator));
        Ok(self.commit_news(draft, format!("operator {}", args.operator)))
    }

    pub fn add_node(&mut self, call: Call, args: AddNode) -> Result<u64, Error> {
        self.check_governance(&call)?;
        self.order_node(call.draft(args.proposal), None, args.node, args.operator)
    }

    pub fn replace_node(&mut self, call: Call, args: ReplaceNode) -> Result<u64, Error> {
        self.check_governance(&call)?;
        let leaving = self.node(args.leaving).ok_or_else(|| not_found("node", args.leaving))?;
        let no_operator = || Error::Invalid(format!("{} has no operator: name one", args.leaving));
        let operator = args.operator.or(leaving.operator).ok_or_else(no_operator)?;
        self.order_node(call.draft(args.proposal), Some(args.leaving), args.node, operator)
    }

    fn order_node(
        &mut self,
        mut draft: Draft,
        leaving: Option<Principal>,
        card: NodeCard,
        operator: Principal,
    ) -> Result<u64, Error> {
        self.check_is_operator(operator)?;
        self.check_order(leaving, Some(&card))?;
        let node_id = node_id(&card.identity_key);
        let node =
            Node { node_id, card: card.clone(), operator: Some(operator), status: NodeStatus::Joining };
        self.put(&mut draft, node_key(node_id), Record::Node(node));
        self.make_order(&mut draft, leaving, Some(card));
        let what = match leaving {
            Some(leaving) => format!("node {node_id} shall take the place of {leaving}"),
            None => format!("node {node_id} shall come"),
        };
        Ok(self.commit_news(draft, what))
    }

    pub fn remove_node(&mut self, call: Call, args: RemoveNode) -> Result<u64, Error> {
        self.check_governance(&call)?;
        self.check_order(Some(args.node_id), None)?;
        let mut draft = call.draft(args.proposal);
        self.make_order(&mut draft, Some(args.node_id), None);
        Ok(self.commit_news(draft, format!("node {} shall leave", args.node_id)))
    }

    pub fn assign_node(&mut self, call: Call, args: AssignNode) -> Result<u64, Error> {
        self.check_governance(&call)?;
        let mut node = self.node(args.node_id).ok_or_else(|| not_found("node", args.node_id))?;
        if let Some(operator) = args.operator {
            self.check_is_operator(operator)?;
        }
        node.operator = args.operator;
        let mut draft = call.draft(args.proposal);
        self.put(&mut draft, node_key(args.node_id), Record::Node(node));
        let what = match args.operator {
            Some(operator) => format!("node {} is run by {operator}", args.node_id),
            None => format!("node {} has no operator", args.node_id),
        };
        Ok(self.commit_news(draft, what))
    }

    pub fn set_replica_version(&mut self, call: Call, args: SetReplicaVersion) -> Result<u64, Error> {
        self.check_governance(&call)?;
        check_replica_version(&args.replica_version)?;
        let what = format!("replicas shall run {}", args.replica_version.version);
        let subnet = Subnet { replica_version: Some(args.replica_version), ..self.subnet() };
        let mut draft = call.draft(args.proposal);
        self.put(&mut draft, SUBNET_KEY.to_owned(), Record::Subnet(subnet));
        Ok(self.commit_news(draft, what))
    }
}

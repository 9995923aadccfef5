//! The words of refusals in ten languages: in lower case, with straight quotes, `е` for `ё`, and a space before the first
//! letter of a text. A bar separates alternatives. To teach a language a new wording, add an alternative or a row.

/// Rows as one text, with a line for each row and a slash between its parts: a page would download addresses of many texts.
macro_rules! rows {
    ($([$who:literal, $negation:literal, $act:literal $(,)?]),+ $(,)?) => {
        concat!($($who, "/", $negation, "/", $act, "\n"),+)
    };
}

/// A clause declines if it contains one alternative of each part of a row, in any order. A part that is empty is always there.
/// The parts are: who, the negation or the verb that declines, and what is not done. If the first part is `~`, the third follows
/// the second, with at most a short word between them.
pub(super) const DECLINES: &str = rows![
    // English
    [
        " i | i'| we | we'|is unable|for me",
        "can't|cannot|won't|will not|unable|not able|couldn't|not allow|not permit|not going to|not something|\
            n't something|rather not|not in a position|not comfortable|prohibited|ot possible|impossible|appropriate",
        "help|assist|comply|fulfil|accommod|support|provid|give you|giving you|give out|give adv|offer|create|\
            creating|generat|produc|writ|shar|discuss|talk about|disclos|reveal|answer|respond|engag|participat|\
            take part|facilitat|promot|encourag|condon|explain|teach|tell you|do that|do this|do so|go along|\
            carry out|continu|contribut|instruct|advice|request|topic|sexual|illegal|explicit|diagnos|hack|\
            something i|comment",
    ],
    [
        " i | i'",
        " don't prov| do not prov| don't engag| don't feel | do not feel | don't creat|do not have the ab|\
            don't have the ab",
        "",
    ],
    [" i | i'", " pass on|declin|refuse|refrain|not comfort", ""],
    ["my |our ", "guideline|policy|policies|programming|principles|terms", "against|violat|prevent|prohibit|allow"],
    ["request|prompt", "violat|declined|fulfilled|flagged|against|restricted", ""],
    ["i'm allowed|i can |providing|helping", "outside", ""],
    // German
    [
        " ich | mir | wir | uns ",
        " nicht| kein| nichts",
        " schreib|helfe|hilf|unterstütz|antwort|nachko|nachzuk|bereitst|erstell|verfass|erfüll|behilf|dienen|entspr|\
            cht tun|mache|sagen.|nichts sag|verrat|anleit|auskunf|inhalte|informat|ratschl|tipps|beratung|preisg|\
            herausg|offenl|erklär|äußer|spreche|diskut|fortf|beteil|generier|anfrage|thema|befugt|bearbeit|wohl dabei|\
            wiederg|verschr|illegal|diagnos|gebe ich",
    ],
    [" ich| mir", "ablehn|lehne |weiger|zurückw|untersagt|verbiet|außerstand|nicht gestatt|nicht erlaubt", ""],
    [
        "meine |meinen |unsere |sicherheits",
        "richtl|grundsätz|programm|prinzip|vorgaben",
        "verst|erlaub|widersp|verbiet|nicht zu|gegen ",
    ],
    [
        "anfrage|eingabe|nachricht|anliegen|wunsch|bitte |inhalte",
        "verstößt|verletzt|abgelehnt|nicht erfüll|nicht erlaubt",
        "",
    ],
    // French
    [
        " je | j'| m'| nous | moi",
        " pas| ni | rien| aucun| ne peux| ne saur|impossib|incapab|interdi",
        "aider|aide |aidera|vous assist|répond|fourni|donne|communiq|accéder à cette|crée|génér|rédig|écri|discut|\
            satisf|particip|prendre part|faire ça|faire cela|rien faire|ferai|peux faire|traiter ce|instruc|poursuiv|\
            continu|explic|expliqu|illég|révél|parler|abord|prescri|partag|conseils|de conseil|soutenir|produi|\
            commenter|pas faire|reprodu|encourag|autorisé|droit de|à l'aise|demande|requête|sujet|renseign|divulg|\
            indiqu|dirai|puisse|de contenu",
    ],
    [" je | j'", "refuse|déclin|abstenir|préfère ne ", ""],
    [
        " mes | mon | ma | nos |notre ",
        "directiv|princip|règle|programm|politique|consigne|condition",
        "contr|interdi|empêch|enfrein|permet",
    ],
    ["demande |requête |message", "enfrein|contraire|refusée", ""],
    // Spanish, Portuguese and Italian
    [
        "",
        " no puedo| no podemos| no podr| no poder| no voy a| no estoy| no me | no se me| no debo| no quiero| no deseo| \
            no tengo permi| no tengo autor| no lo puedo| no te puedo| no es algo| no es posible para| no pienso| \
            não podemos| não poder| não vou| não estou| não me | não devo| não quero| não desejo| não tenho permi| \
            não tenho autor| não consigo| não é algo| non possiamo| non potr| non ti posso| non mi | non sono| \
            non devo| non voglio| non desidero| non ho il permesso| non lo posso| non è qualcosa| non è una cosa|\
            no creo que deb|efiero no|incapa|impossib|imposib|me niego|que no pued|não posso|não acho que deva|\
            efiro não|ceio não|ue não possa|eu não |l para mim|ido de falar|non posso|non credo di dov|isco non|\
            emo di non ",
        "ayud|ajud|aiut|asistirt|assisti|auxili|una mano|proporc|cumpl|cumpr|crear|criar|gener|gerar|escrib|escrev|\
            scriv|redact|redig|respond|rispond|contestar|ofre|oferec|offr|compart|condivi|convers|habl|parlar|falar|\
            opin|esprim|atend|brind|apoy|apoi|appogg|sosten|hacer|fazer|faço|farlo|poterlo|instruc|instruç|particip|\
            partecip|assister|riprod|coment|comment|puedo hacer|posso fazer|lo posso fare|istruz|facilit|forne|forni|\
            contin|prosegu|explíc|esplic|ilegal|illegal|diagn|petici|pedido|solicit|richiest|tema|assunto|revel|rivel|\
            divulg|explic|spiegar|detall|detalh|discut|consej|conselh|consigl|informa|cómod|confort|agio|autoriz|\
            permit|è permess|contenid|contenut|conteúd|médic|medic|receta|recei|reprod|que pueda|eu possa|io possa|\
            che posso fare|acceder a |indicar|dar |dare |darte|darti|soddisf|parte|prende|conversa|dizer",
    ],
    [
        "~",
        " no | não | non ",
        "genero|gero |escribo|escribiré|redact|comparto|participo|participaré|doy|daré|diré|ofrezco|facilito|\
            proporciono|hablo |hablaré|ayudo|ayudaré|atiendo|lo haré|escrevo|escreverei|compartilho|participo|dou|\
            direi|forneço|ofereço|falo |atendo|farei|o farei|crio|scrivo|scriverò|condivido|partecipo|do |dirò|\
            ti dirò|fornisco|offro|parlo|aiuterò|ti aiuterò|lo facci|lo far|creo",
    ],
    [
        " debo| tengo | obligado| me re| devo| recuso| tenho d| preciso| declino| costretto| mi rifiut",
        "rechaz|declin|negar|absten|rehúso|prohibid|recuso |recuso-me a|recusar|abster|rifiut|astener|proibid",
        "",
    ],
    ["tipo de cont|tipo di cont", "prohib|permit|vietat|permess|proibid", ""],
    [" mi è| sou |tengo ", "vietat|prohib|proibid", ""],
    ["fuera de lo que|além do que|oltre ciò", "permit|consentit|pued|poss", ""],
    [
        " mis | mi | nuestr| minha| meu| meus| noss| mie | miei ",
        "directri|diretri|linee gu|princip|norma|norme|program|polític|politic|regras|regol|étic",
        "contra|contro|infring|impid|imped|vieta|permit|permett|prohib|viola",
    ],
    ["solicit|petici|pedido|mensa|richiesta|messaggio", "infring|incumpl|viola|contrari|rechazad|recusad|respint", ""],
    // Russian
    [
        "",
        "не могу|не можем|не смогу|не буду|не стану|не хочу|не вправе|мне нельзя|нельзя мне|не разреш|невозможно|\
            не позвол|мне запрещ|нет возможн|не уполномоч|не способен|не долж|не то, с чем|некомфорт|в состоянии|\
            чаю ничего",
        "помо|помощ|предост|выполн|ответ|отвеч|созда|сочин|состав|обсу|напис|писать|генер|подде|участ|инстр|сдела|\
            дела|расска|продолж|незак|объясн|совет|раскр|разгла|запрос|просьб|тему|сообщ|контент|информ|сведен|обраб|\
            удовл|высказ|говорить|дава|подска|привести|бесед",
    ],
    [
        "",
        "не предоставляю|не даю сов|не даю инстр|не участвую|не обсуждаю|не помогу|не сделаю|я не пишу|не скажу, как|\
            не создаю|не сообщаю|не отвечаю|не разговариваю|отказываюсь",
        "",
    ],
    ["вынужден|должен|придется|предпоч|воздерж", "не обсуж|не коммент|отказ|отклон|воздерж|не выска", ""],
    [" мои| моим|наши|безопасн", "принцип|инструк|правил|програм|политик|услов", "против|наруш|запрещ|не позвол"],
    ["запрос|просьба|сообщение", "противор|наруш|отклонен", ""],
    // Chinese
    [
        "我|，无法|恕|未能|请求",
        "无法|不能|不会|没办法|没法|不应|做不到|我不会|我不能|我不想|我不写|我不编|我不制|不行|不允许|不是我|无权|没有权|没有能力|不便|不方便|不提供|不参与|不予|帮不|不被允许|我被禁止|不透露|恕|\
            未能|不谈",
        "帮|协助|提供|回答|满足|创作|生成|制作|讨论|撰写|写|支持|参与|继续|违法|露骨|教|解释|透露|处理|请求|这样做|这么|做的|做不到|建议|话题|意见|内容|指令|信息|评论|讲解|说明|说什么|方法|\
            步骤|诉你|诉您|不能做|扮演",
    ],
    ["我|必须|恕", "拒绝|婉拒|回避", ""],
    ["恐怕|这|内容", "超出|不合适|不被允许", "允许|合适"],
    ["我的|我们的|请求|安全", "违背|违反|不符合|拒绝|禁止", "准则|原则|政策|规范|规定|请求|道德"],
    // Japanese
    [
        "",
        "できません|できない|かねます|られません|しません|きません|れません|いたしません|しておりません|していません|えません|けません|くありません|りません|なれません|べきではない|不可能|難しい|控え|禁じ|\
            禁止|許可されて|たくありません|ないよ",
        "応え|お答え|回答|手伝|手助け|お教え|教える|対応|提供|協力|支援|応じ|生成|案内|お話|話す|承|続け|沿|に添|会話|お伝え|支持|説明|助言|扱|要望|依頼|リクエスト|ご希望|書け|は書|は作れ|\
            作れま|お受け|露骨|指示|処方|それはでき|それは私|それはしま|それはいた|そのような|不適切|私は|私には|役に|力になれ|作成でき|すべきではない|申し上げ|明か|情報は",
    ],
    ["お断り|遠慮|控え|辞退|回答を拒否|拒否され|拒否しま|避けさせ", "し|せ|いた|させ", ""],
    ["方針|ガイドライン|規約|ポリシー|規則|倫理", "に反し|に反す|に違反", "私|ため|ご|リクエスト|規約|内容"],
    ["種の|回答が|内容|公開", "禁じられ|禁止され|許され|許可されてい", ""],
    // Korean
    [
        "",
        "수 없|수는 없|어렵|어려울|곤란|못하|않겠|않습니다|않도록|않을|안 됩|불가|금지|권한이 없|허용|싶지 않|아닙니다",
        "도와드|도와줄|도와줘|도와서|도움을 드|돕|답변|답할|제공|만들|이야기|알려|작성|생성|응할|응하지|들어드|정보는 드|말씀|말도|써 드|보여 드|안내|계속|쓰지|지원|설명|조언|공개|요청|콘텐츠|\
            의견|동참|대화|관여|처방|지지|그렇게|그건|할 수 있는 일|쓰고 싶|지침",
    ],
    ["거절|거부되|거부합|사양|삼가", "하|합|해|할|드|되|겠", ""],
    ["원칙|가이드라인|약관|정책|규칙|지침|제게 허용", "어긋|위반하|금지|벗어", "제|요청|메시지|내용|안전|이용|저"],
    ["종류의|그런 내용|유형의", "금지되|허용되지", ""],
];

/// Words in or before a clause that declines, of which each shows that the model lacks knowledge or access, or that somebody
/// else declines. The text is an answer.
pub(super) const LIMITS: &str = "without more|without know|without see|without that| exact| real-time| access your|access to|'t know |help but|\
     help feel|help laugh|help notic|help think|i would decl|i'd decl| says|invit|believe|overstate|enough|\
     the position|the job| wrote |einlad|ohne d|zugriff auf|mein wissen|könne |glauben|den job|schrieb|genug|genaue|\
     sans cette|sans voir|accès à|croire|écrivi|saurais trop|peux que |clinerais|assez|ons pas pu |refuserais|\
     sin ver|sin ese|acceso|creer|escribió|puedo dejar|puedo más|suficient|senza quest|senza vedere|accesso|credere|\
     scrisse|posso che|abbastanza|sem ver|sem esse|acesso|convite|acredit|escreveu|posso deixar|без этого|не видя|\
     доступ|приглаш|верить|написал|не могу не |не хватает|точн|没有看|没有这|访问|邀请|说他|表示|工作，|不够|付款|确切|参与者|功能|招待|アクセスを|\
     アクセスで|と述|と言|機能|分からない|足り|正確な|접근|초대|다고 |라고 |기능을 지|모르면|부족|저라면|누구도";

/// How a letter begins, if a comma, a colon or an exclamation mark follows soon.
pub(super) const GREETINGS: &str =
    " dear | hi | hallo | liebe| salut | chère | hola | estimad| ciao | caro | oi| prezad| привет| уважаем";

/// Words before a colon, behind which the model goes on in its own words.
pub(super) const SELF: &str = " i | me |ich | je | me |tengo | devo |tenho | я |我|私|제가";

/// How texts begin that may decline, besides the negations of [`DECLINES`]. A stream that begins in another way need not wait.
pub(super) const OPENINGS: &str = "i can't|i cannot|i won|i'm |i am |i do|i must|i have to|i need to|i refuse|i apol|i underst|sorry|my |unfortun|\
     regret|as a|no, i|thank|this re|that re|your re|we can|we are|it is|it's not|oh no|ich |leider|es tut|tut |\
     entsch|dabei|das |bei |als |mein|ihre |diese|nein|je |désol|malheur|en tant|il m|ce n|cette |c'est|votre |nous |\
     mes |non|lo |me |mi |lament|por |debo|tengo|soy|como |esta |eso |tu |perd|disc|entiendo|prefiero|desculp|sinto|\
     infeliz|devo|sou |esse |isso |sua |entendo|purtr|scus|questa|la tua|capisco|per |sono|извин|прост|к сож|сожал|\
     мне |я |нет|боюсь|ваш|как |эт|抱歉|很抱|对不|很遗|不好|我不|我无|我没|我拒|我的|我们|我理|我只|作为|恕|恐|您的|该请|这|出于|关于|申|恐|すみ|ごめ|残念|その|それ|この|\
     ご|お|私|いいえ|죄송|정말|미안|안타|아쉽|유감|아니|제 |저|그|이 |요청|안전";

/// Words that end a clause, and behind which an answer may follow, although the words before them declined.
pub(super) const CONTRASTS: &str = " but | however| though | aber | doch | jedoch |, mais | cependant| pero | sin embargo| mas | entanto|, ma | \
     tuttavia| но |однако|; |但|不过|；|ですが|ませんが|んが、|けど|지만|다만|그런데";

/// How an offer begins, which is no answer.
pub(super) const OFFERS: &str = "i can help|i can suggest|i can offer|i can provide|i can assist|i can expl|i can rec|i can disc|i'd be|\
     i'm happy|happy to|feel free|let me |if you|please|would you|is there|explain the|ich kann ihnen|ich kann dir|\
     ich helfe|gern|wenn|falls|je peux vous|n'hésitez|si |puedo |estoy aquí|posso |могу |если|我可以|如果|可以|代わり|もし|別の|대신|\
     다른|원하";
